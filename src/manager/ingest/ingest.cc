#include "manager/ingest/ingest.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "common/base/text.h"

namespace nezu::ingest {
namespace {

std::string text_of(const window::Span& span) {
  return fmt::format("[{}, {})", format_rfc3339(to_ns(span.begin)), format_rfc3339(to_ns(span.end)));
}

}  // namespace

const char* name(Refused reason) {
  switch (reason) {
    case Refused::old_epoch: return "old_epoch";
    case Refused::overlap: return "overlap";
    case Refused::wrong_instance: return "wrong_instance";
    case Refused::empty: return "empty";
    case Refused::too_long: return "too_long";
    case Refused::future: return "future";
    case Refused::too_old: return "too_old";
    case Refused::count: break;
  }
  return "none";
}

std::uint64_t Counters::refused_total() const { return std::accumulate(refused.begin(), refused.end(), std::uint64_t{0}); }

Ingest::Probe& Ingest::probe(const std::string& name) { return probes_.try_emplace(name, limits_.max_runs).first->second; }

const Ingest::Probe* Ingest::find(const std::string& name) const {
  const auto found = probes_.find(name);
  return found == probes_.end() ? nullptr : &found->second;
}

void Ingest::restore(const std::string& logical_probe, const std::vector<window::Span>& spans, PacketTime stored_until,
                     const std::vector<Owner>& owners) {
  Probe& at = probe(logical_probe);
  at.stored_until = std::max(at.stored_until, stored_until);
  const auto add = [&](const window::Span& span, const std::optional<window::InstanceId>& instance) {
    if (!span.empty() && at.spans.look_up(span, window::InstanceId{}) == SpanTable::Answer::free) at.spans.restore(span, instance);
  };
  std::vector<window::Span> ordered = spans;
  std::sort(ordered.begin(), ordered.end());
  for (window::Span rest : ordered) {
    at.stored_until = std::max(at.stored_until, rest.end);
    std::optional<window::InstanceId> instance;
    for (const Owner& owner : owners) {  // cut where another was admitted
      if (owner.from > rest.begin && owner.from < rest.end) {
        add({rest.begin, owner.from}, instance);
        rest.begin = owner.from;
      }
      if (owner.from <= rest.begin) instance = owner.instance;
    }
    add(rest, instance);
  }
  // `spans` reach back as far as limits_.memory: what is older can't be told from what wasn't stored.
  if (at.stored_until != PacketTime{}) at.spans.forget_before(at.stored_until - limits_.memory);
}

Verdict Ingest::refuse(Probe& at, Refused reason, std::string text) {
  ++at.counters.refused[static_cast<std::size_t>(reason)];
  return {Verdict::Kind::refuse, reason, std::move(text)};
}

Verdict Ingest::decide(const std::string& logical_probe, const window::InstanceId& sender, std::uint64_t epoch,
                       const window::Record& record, WallTime now) {
  Probe& at = probe(logical_probe);
  const window::Span& span = record.span;
  if (record.instance != sender) {
    return refuse(at, Refused::wrong_instance,
                  fmt::format("record of instance {} in the session of {}", to_string(record.instance), to_string(sender)));
  }
  if (span.empty()) return refuse(at, Refused::empty, fmt::format("span {} is empty", text_of(span)));
  if (span.length() > limits_.window) {
    return refuse(at, Refused::too_long,
                  fmt::format("span {} is longer than the window of {}", text_of(span), format_duration(limits_.window)));
  }
  if (to_ns(span.begin) < 0) return refuse(at, Refused::too_old, fmt::format("span {} begins before 1970", text_of(span)));
  const auto answer = at.spans.look_up(span, sender);
  if (answer == SpanTable::Answer::same) {
    ++at.counters.repeats;
    return {Verdict::Kind::repeat, Refused::count, {}};
  }
  if (record.epoch != epoch || epoch == 0) {
    return refuse(at, Refused::old_epoch,
                  fmt::format("span {} was cut under epoch {}, the present one is {}", text_of(span), record.epoch, epoch));
  }
  if (answer == SpanTable::Answer::taken)
    return refuse(at, Refused::overlap, fmt::format("span {} overlaps what is stored", text_of(span)));
  if (answer == SpanTable::Answer::too_old) {
    return refuse(
        at, Refused::too_old,
        fmt::format("span {} begins before {}, where what is remembered begins", text_of(span), format_rfc3339(to_ns(at.spans.horizon()))));
  }
  if (to_ns(span.end) > to_ns(now + limits_.future)) {
    return refuse(at, Refused::future,
                  fmt::format("span {} ends more than {} after the manager's clock, {}: one of the two clocks is wrong", text_of(span),
                              format_duration(limits_.future), format_rfc3339(to_ns(now))));
  }
  at.spans.add(span, sender);
  return {};
}

void Ingest::durable(const std::string& logical_probe, const window::Record& record) {
  Probe& at = probe(logical_probe);
  ++at.counters.stored;
  at.stored_until = std::max(at.stored_until, record.span.end);
  at.spans.forget_before(at.stored_until - limits_.memory);
}

PacketTime Ingest::stored_until(const std::string& logical_probe) const {
  const Probe* at = find(logical_probe);
  return at ? at->stored_until : PacketTime{};
}

Counters Ingest::counters(const std::string& logical_probe) const {
  const Probe* at = find(logical_probe);
  return at ? at->counters : Counters{};
}

}  // namespace nezu::ingest
