// What deserves somebody's attention beside failovers and transitions: gaps, instances that don't know yet that they were superseded,
// clocks that are apart, mirror ports that differ. Each is an event that is open for as long as it is so.
//
// An event mustn't be told twice because the manager was restarted or a connection blinked: it is opened by what is certain, and closed only
// once the opposite is (nothing is concluded from an absence that is younger than a connection's loss takes to heal).
#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "manager/monitor/monitor.h"

namespace nezu::monitor {
namespace {

constexpr Nanos kGapWorthTelling = std::chrono::milliseconds(1);
constexpr Nanos kWholeAgain = std::chrono::seconds(5);  // covered for so long: the gap is over, and not one of many short ones
constexpr std::size_t kClockSamples = 4;                // a second's worth: the first may have come by a long way
constexpr Nanos kCompareMirrors = std::chrono::seconds(10);
constexpr std::uint64_t kEnoughToCompare = 200;  // transactions

std::string gap_subject(const std::string& service, const std::string& logical_probe) {
  return fmt::format("{} at {}", service, logical_probe);
}

}  // namespace

// Whether an absence is old enough to mean something: the manager and every connection have had the time to come back.
bool Monitor::settled() const { return awake_ - started_ > options_.reconnect_grace + options_.session_timeout + std::chrono::seconds(1); }

std::string Monitor::name_of(ServiceId service) const {
  const auto found = services_.find(service);
  return found == services_.end() || found->second.row.id == 0 ? fmt::format("service {}", service)
                                                               : found->second.row.definition.full_name();
}

// ---- gaps

// `record` has just become durable; its services' coverage isn't noted yet. What is missing between the end of a service's coverage and the
// record's end is a gap: certain now, because nothing else can come for it. (While nobody delivers nothing is certain: the instance may be
// measuring on, without a path to us.)
void Monitor::note_gaps(Probe& probe, const window::Record& record, Now now) {
  for (const auto& [id, at] : probe.kept.services) {
    if (!at.span || at.state == State::stopping) continue;  // told to stop: what isn't covered then is nobody's loss
    const auto wished = spans_.find(*at.span);
    if (wished == spans_.end()) continue;
    const auto known = probe.covered.find(id);
    const PacketTime covered_until = std::max(known == probe.covered.end() ? probe.stored_until : known->second, wished->second.begin);
    if (covered_until >= record.span.end) continue;
    const auto part =
        std::find_if(record.services.begin(), record.services.end(), [id = id](const window::ServicePart& p) { return p.service == id; });
    const window::Spans missing =
        window::subtract({{covered_until, record.span.end}}, part == record.services.end() ? window::Spans{} : part->covered);
    note_gap(probe, id, missing, record.span.end, now);
  }
}

void Monitor::note_gap(Probe& probe, ServiceId service, const window::Spans& missing, PacketTime end, Now now) {
  const std::string subject = gap_subject(name_of(service), probe.name);
  const auto open = probe.gaps.find(service);
  if (window::total(missing) >= kGapWorthTelling) {
    Gap& gap = open == probe.gaps.end() ? probe.gaps[service] : open->second;
    gap.missing += window::total(missing);
    gap.until = missing.back().end;
    events_.open("gap", subject, store::Severity::warning,
                 fmt::format("{}: nobody measured from {} on", subject, format_rfc3339(to_ns(missing.front().begin))), now.wall);
  } else if (events_.is_open("gap", subject)) {
    Gap& gap = open == probe.gaps.end() ? probe.gaps[service] : open->second;
    if (gap.until == PacketTime{}) gap.until = end;  // it was open when the manager started
    if (end - gap.until >= kWholeAgain) close_gap(probe, service, now);
  }
}

// Covered again for some time, or not monitored any more.
void Monitor::close_gap(Probe& probe, ServiceId service, Now now) {
  const std::string subject = gap_subject(name_of(service), probe.name);
  const auto gap = probe.gaps.extract(service);
  const std::string more = gap.empty() || gap.mapped().missing == Nanos{0}
                               ? ""
                               : fmt::format("; measured again from {}, {} s are missing", format_rfc3339(to_ns(gap.mapped().until)),
                                             to_seconds(gap.mapped().missing));
  events_.close("gap", subject, now.wall, more);
}

// Records end where coverage ends in a warm pair, and none comes while nobody measures: then the word of the instance at work tells, once it
// is clear that nobody takes over from it.
void Monitor::check_capture(Probe& probe, Now now) {
  const Session* session = session_of(probe, probe.kept.holder);
  if (!session || !session->last || session->last->capture.fault.empty()) return probe.stands.reset();
  if (!probe.stands) probe.stands = awake_;
  if (awake_ - *probe.stands <= options_.reconnect_grace) return;
  for (const auto& [id, at] : probe.kept.services) {
    if (!at.span || at.state != State::monitoring) continue;
    const std::string subject = gap_subject(name_of(id), probe.name);
    events_.open("gap", subject, store::Severity::warning,
                 fmt::format("{}: nobody measures ({}: {})", subject, session->hello.node, session->last->capture.fault), now.wall);
  }
}

// ---- superseded instances

// The first admission after `epoch` that isn't `instance`'s own; none: nobody was admitted in its place.
const Admission* Monitor::successor(const Probe& probe, const InstanceId& instance, std::uint64_t epoch) const {
  for (const Admission& admission : probe.kept.admissions) {
    if (admission.epoch > epoch && admission.instance != instance) return &admission;
  }
  return nullptr;
}

// By its own word it still believes to be admitted, and another one was: it is told with the answer, and until it steps down the event stays
// open. Or it says that it has stepped down because of our word, which may be all that it ever says of it: then the event is over at once.
void Monitor::note_superseded(Probe& probe, const Session& session, Now now) {
  const wire::Heartbeat& heartbeat = *session.last;
  if (heartbeat.superseded != 0 && !options_.bugs.superseded_unheard) tell_superseded(probe, session, heartbeat.superseded, false, now);
  if (heartbeat.epoch == 0 || !successor(probe, session.instance(), heartbeat.epoch)) {
    if (probe.superseded.erase(session.instance()) != 0 && probe.superseded.empty()) events_.close("superseded", probe.name, now.wall);
    return;
  }
  probe.superseded[session.instance()] = awake_;
  tell_superseded(probe, session, heartbeat.epoch, true, now);
}

// Once an epoch, whichever word comes first; that it was told is kept with the admission, in one transaction with the event. Of an admission
// that is older than those which are remembered nothing is told.
void Monitor::tell_superseded(Probe& probe, const Session& session, std::uint64_t epoch, bool believes, Now now) {
  const Admission* next = successor(probe, session.instance(), epoch);
  auto& all = probe.kept.admissions;
  const auto own = std::find_if(all.begin(), all.end(), [&](const Admission& a) { return a.epoch == epoch; });
  if (!next || own == all.end() || own->instance != session.instance() || own->superseded) return;
  own->superseded = !options_.bugs.superseded_again;
  const PacketTime counted = reach(probe, epoch);
  const std::string lost = counted == PacketTime{} ? "" : " after " + format_rfc3339(to_ns(counted));
  const std::string text =
      fmt::format("{} (instance {}) was at work under epoch {} and has been superseded (epoch {}): what it measured{} isn't counted",
                  session.hello.node, to_string(session.instance()).substr(0, 8), epoch, next->epoch, lost);
  // Open is that of one instance; where a second one sleeps as well, its event is told beside it.
  if (!believes || !events_.open("superseded", probe.name, store::Severity::warning, text, now.wall))
    events_.happened("superseded", probe.name, store::Severity::warning, text, now.wall);
}

void Monitor::check_superseded(Probe& probe, Now now) {
  std::erase_if(probe.superseded, [&](const auto& one) {
    return awake_ - one.second > options_.reconnect_grace + options_.session_timeout && !session_of(probe, one.first);
  });
  if (probe.superseded.empty() && settled()) events_.close("superseded", probe.name, now.wall);
}

// ---- clocks

// Who is away while others are there is gone; where nobody is there it says nothing, and afterwards all need time to come back.
bool Monitor::heard_for(const Probe& probe, Nanos time) const { return probe.heard_since && awake_ - *probe.heard_since >= time; }

void Monitor::check_clocks(Probe& probe, Now now) {
  for (const Session* session : sessions_of(probe)) {
    if (session->raws.size() < kClockSamples) continue;
    if (const auto offset = coarse(probe, *session)) probe.clocks[session->instance()] = {session->hello.node, *offset, awake_};
  }
  const Nanos patience = options_.reconnect_grace + options_.session_timeout;
  if (heard_for(probe, patience)) std::erase_if(probe.clocks, [&](const auto& clock) { return awake_ - clock.second.seen > patience; });
  const auto worst = std::max_element(probe.clocks.begin(), probe.clocks.end(), [](const auto& a, const auto& b) {
    return std::chrono::abs(a.second.offset) < std::chrono::abs(b.second.offset);
  });
  const Nanos apart = worst == probe.clocks.end() ? Nanos{0} : std::chrono::abs(worst->second.offset);
  if (apart > options_.clock_offset_limit) {
    events_.open("clocks.apart", probe.name, store::Severity::warning,
                 fmt::format("the packet clock of {} is {} off the logical probe's time, at {} (limit {}): is NTP at work on both nodes?",
                             worst->second.node, fmt::format("{:+.3f} s", to_seconds(worst->second.offset)),
                             format_rfc3339(to_ns(now.wall)), format_duration(options_.clock_offset_limit)),
                 now.wall);
  } else if (settled() && heard_for(probe, Nanos{0}) && apart < options_.clock_offset_limit / 10 * 9) {
    events_.close("clocks.apart", probe.name, now.wall);
  }
}

// ---- mirror ports

// A standby holds what it has seen against what the active has counted; its counters grow since its start.
void Monitor::compare_mirrors(Probe& probe, const Session& session, Now now) {
  const wire::Heartbeat& h = *session.last;
  if (probe.kept.holder == session.instance()) {
    probe.mirrors.erase(session.instance());  // what it compares as a standby again begins anew
    return;
  }
  if (!probe.kept.holder || h.epoch != 0) return;
  const auto [known, first] = probe.mirrors.try_emplace(session.instance(), MirrorLook{awake_, h.compared, h.only_here, h.only_named});
  MirrorLook& look = known->second;
  if (first || awake_ - look.at < kCompareMirrors) return;
  const std::uint64_t both = h.compared - look.compared, only_here = h.only_here - look.only_here;
  const std::uint64_t only_named = h.only_named - look.only_named, all = both + only_here + only_named;
  if (all < kEnoughToCompare) return;  // a few say nothing; they are kept for the next look
  look = {awake_, h.compared, h.only_here, h.only_named};
  const double here = static_cast<double>(only_here) / static_cast<double>(all);
  const double named = static_cast<double>(only_named) / static_cast<double>(all);
  if (std::max(here, named) > options_.mirror_limit) {
    const Session* holder = session_of(probe, probe.kept.holder);
    const std::string active = holder ? holder->hello.node : probe.kept.admissions.back().node;
    events_.open("mirror.differs", probe.name, store::Severity::warning,
                 fmt::format("the mirror ports differ: {} (active) missed {:.1f} % of the transactions, {} (standby) {:.1f} %", active,
                             here * 100, session.hello.node, named * 100),
                 now.wall);
  } else if (std::max(here, named) < options_.mirror_limit * 0.9) {
    events_.close("mirror.differs", probe.name, now.wall);
  }
}

// Where there is no standby any more, nothing is compared.
void Monitor::check_mirrors(Probe& probe, Now now) {
  const Nanos patience = kCompareMirrors + options_.reconnect_grace;
  if (!heard_for(probe, patience)) return;
  std::erase_if(probe.mirrors, [&](const auto& look) { return !session_of(probe, look.first) && awake_ - look.second.at > patience; });
  const bool compares =
      std::any_of(probe.mirrors.begin(), probe.mirrors.end(), [&](const auto& look) { return probe.kept.holder != look.first; });
  if (!compares && settled()) events_.close("mirror.differs", probe.name, now.wall);
}

}  // namespace nezu::monitor
