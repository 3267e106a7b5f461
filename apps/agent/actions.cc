#include "agent/actions.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "agent/launch.h"
#include "agent/notice.h"
#include "common/base/system_clock.h"
#include "common/base/text.h"
#include "common/io/directory.h"
#include "probe/control/cluster_times.h"

namespace nezu::agent {
namespace {

using std::chrono::milliseconds;
constexpr Nanos kReadyEvery = milliseconds(5);    // how often a daemon that begins is asked
constexpr Nanos kLookEvery = milliseconds(500);   // how often a long poll asks what has become of the role
constexpr Nanos kOneAtATime = milliseconds(400);  // a check that found it dead waits so long for the cluster to be done with the rest
constexpr Nanos kTearDown = milliseconds(100);    // a daemon that ends has closed its sockets so long before
constexpr Nanos kReserve = milliseconds(1500);    // before the cluster loses patience: to say why, and to end what was begun
constexpr Nanos kFirstSession = Seconds(1);       // a warm instance is given so long to find the manager, so that its first score is right
constexpr Nanos kKilled = Seconds(5);             // the kernel is given so long to take down what was killed

// Why it isn't, to be said after a colon.
std::string not_ready(const Result<Health>& health, const Process& process) {
  if (!health.ok()) return ": " + health.error().message();
  if (health->process != 0 && health->process != process.id) return fmt::format(": process {} answers in its place", health->process);
  return health->reason.empty() ? "" : ": " + health->reason;
}

// The cluster shows it beside the failed action.
void say(const std::string& reason) { fmt::print(stderr, "ocf-exit-reason:{}\n", reason); }

}  // namespace

Actions::Actions(const Parameters& parameters, const Clock& clock) : p_(parameters), clock_(clock), began_(clock.mono()) {}

std::string Actions::pid_file() const { return std::string(kFolder) + "/agent-" + p_.instance + ".pid"; }
std::string Actions::memory_file() const { return "agent-" + p_.instance + ".json"; }
Memory Actions::recall() const { return agent::recall(kFolder, memory_file()); }
void Actions::remember(const Memory& memory) const { agent::remember(kFolder, memory_file(), memory); }

// Several calls may be under way: what another one has remembered in the meantime stands.
void Actions::change(const std::function<void(Memory&)>& how) const {
  Memory memory = recall();
  const Memory before = memory;
  how(memory);
  if (!(memory == before)) remember(memory);
}

Launch Actions::launch() const {
  Launch launch{{p_.binary, "run", "--config", p_.config}, p_.user, p_.log, p_.kind == Kind::probe, {}};
  if (p_.kind == Kind::probe) {
    launch.environment.push_back(std::string(probe::control::kStartVariable) + "=" + std::to_string(to_ns(began_)));
  }
  return launch;
}

// What is left of the time that the cluster gives this action, less the reserve.
Nanos Actions::until_deadline(Nanos reserve, Nanos otherwise) const {
  if (p_.timeout <= Nanos(0)) return otherwise - (clock_.mono() - began_);
  return p_.timeout - reserve - (clock_.mono() - began_);
}

Exit Actions::run(const std::string& action) {
  if (action == "validate-all") return validate();
  if (action == "notify") return notify();
  const bool stopping = action == "stop" || action == "demote";
  const bool runs = find_process(pid_file()).has_value();
  if (const Memory memory = recall(); runs && memory.place) {
    // Whatever has become of its configuration since: that is for the daemon's next start, or its reload.
    place_ = *memory.place;
  } else if (Result<Place> place = place_of(p_); place.ok()) {
    place_ = *std::move(place);
  } else if (action == "start" || (runs && !stopping)) {
    say(place.error().message());
    if (action != "start") return kGeneric;
    return place.error().code() == ErrorCode::not_found ? kInstalled : kArguments;
  }
  if (action == "start") return start();
  if (action == "stop") return stop();
  if (action == "monitor" || action == "status") return monitor();
  if (action == "promote" && p_.kind == Kind::probe) return promote();
  if (action == "demote" && p_.kind == Kind::probe) return demote();
  if (action == "reload") return reload();
  if (action == "reload-agent") return reload_agent();
  fmt::print(stderr, "no action '{}'\n", action);
  return kUnimplemented;
}

// ---- start

Exit Actions::start() {
  if (const auto process = find_process(pid_file())) return wait_until_ready(*process);
  const std::size_t slash = p_.log.rfind('/');
  for (const auto& [folder, mode] : {std::pair<std::string, unsigned>{kFolder, 0750}, {p_.log.substr(0, slash), 0750}}) {
    if (const Status made = make_folder(folder, p_.user, mode); !made.ok()) {
      say(made.error().message());
      return made.error().code() == ErrorCode::not_found ? kInstalled : kGeneric;
    }
  }
  Memory memory;
  memory.place = place_;
  remember(memory);
  const Result<Process> process = start_process(launch(), pid_file());
  if (!process.ok()) {
    say(process.error().message());
    return process.error().code() == ErrorCode::not_found ? kInstalled : kGeneric;
  }
  return wait_until_ready(*process);
}

Exit Actions::wait_until_ready(const Process& process) {
  std::optional<MonoTime> answered;
  while (true) {
    const Result<Health> health = ask_health(p_.kind, place_, p_.check_timeout);
    const MonoTime now = clock_.mono();
    // Another one may answer in its place: one that was started by other means, and keeps ours from its socket.
    if (health.ok() && !health->starting && (health->process == 0 || health->process == process.id)) {
      if (!answered) answered = now;
      // A manager that can't store anything runs: its API says why, and another node would not find more room on the same volume.
      if (!health->warm) return kOk;
      if (p_.in_cluster && !p_.clone_known) {
        say("\"standby: warm\" wants a promotable clone; as a primitive this instance would never be active");
        end(process);
        return kArguments;
      }
      if (health->session || now - *answered > kFirstSession) {
        tell_score(promotion_score(*health, p_.isolation_timeout));
        return kOk;
      }
    }
    if (wait_for_end(process, kReadyEvery)) return did_not_start(process);
    if (until_deadline(kReserve, Seconds(60)) <= Nanos(0)) {
      say("the daemon did not become ready in time" + not_ready(health, process));
      end(process);
      return kGeneric;
    }
  }
}

Exit Actions::did_not_start(const Process& process) {
  const std::optional<int> status = exit_status(process);
  say(fmt::format("{} ended at once with status {}; its last words are in {}", p_.binary, status ? std::to_string(*status) : "unknown",
                  p_.log));
  return status && *status == 2 ? kArguments : kGeneric;
}

// ---- stop

// In order where it can; by force where it hangs or takes too long.
bool Actions::end(const Process& process) {
  send_signal(process, SIGTERM);
  const MonoTime begin = clock_.mono();
  const Nanos patience = std::min(p_.stop_timeout, until_deadline(kReserve, p_.stop_timeout));
  while (clock_.mono() - begin < patience) {
    if (wait_for_end(process, kLookEvery)) return true;
    if (p_.kind == Kind::probe && !ask_health(p_.kind, place_, p_.check_timeout).ok() && !wait_for_end(process, Nanos(0))) break;
  }
  fmt::print(stderr, "{} does not end by itself: it is killed\n", p_.instance);
  send_signal(process, SIGKILL);
  return wait_for_end(process, kKilled);
}

Exit Actions::stop() {
  tell_score(std::nullopt);
  if (const auto process = find_process(pid_file()); process && !end(*process)) {
    say("it can't be killed");
    return kGeneric;
  }
  if (auto folder = io::SystemDirectory::open(kFolder); folder.ok()) {
    for (const std::string& name : {"agent-" + p_.instance + ".pid", memory_file()}) (void)(*folder)->remove(name);  // or never made
  }
  return kOk;
}

// ---- monitor

Exit Actions::monitor() {
  const auto process = find_process(pid_file());
  if (!process) return died();
  if (p_.check_level < 10 && p_.interval > Nanos(0) && p_.long_poll > Nanos(0)) return long_poll(*process);
  return check(*process);
}

// Whether it is its death that kept it from answering: what dies closes its sockets before it has ended.
bool Actions::has_died(const Process& process) const {
  if (wait_for_end(process, kTearDown)) return true;
  return is_dying(process) && wait_for_end(process, std::min(kKilled, until_deadline(kReserve, kKilled)));
}

// Died by itself. It loses its score before the cluster decides who is next: the standby is, not this one started anew.
Exit Actions::dead() {
  tell_score(std::nullopt);
  return kNotRunning;
}

// A recurring check found that it died. The cluster is told one thing at a time: where the node that decides has an update of its own
// under way when it looks at the state, it sleeps for a second first (Pacemaker's do_pe_invoke_callback). The end of the score is news
// enough for it to move the role; and what a check of depth 10 finds, that of depth 0 has found too.
Exit Actions::died() {
  const Memory memory = recall();
  const Exit exit = dead();
  if (p_.interval > Nanos(0) && !memory.dead && (memory.score || p_.check_level >= 10)) {
    pause_for(std::min(kOneAtATime, until_deadline(kReserve, Seconds(60))));
  }
  return exit;
}

Verdict Actions::verdict(const Result<Health>& health) const {
  const Memory memory = recall();
  if (!health.ok()) {
    const bool promoted = memory.score && *memory.score >= kClaiming;
    return {promoted ? kFailedPromoted : kGeneric, "the daemon does not answer: " + health.error().message()};
  }
  return judge(p_.kind, *health, p_.check_level, memory.drops);
}

Exit Actions::check(const Process& process) {
  const Result<Health> health = ask_health(p_.kind, place_, p_.check_timeout);
  if (!health.ok() && has_died(process)) return died();
  const Verdict v = verdict(health);
  if (p_.kind == Kind::probe && (p_.check_level >= 10 || p_.interval <= Nanos(0))) look_after_score();
  tell_score_of(health);
  if (p_.kind == Kind::probe && p_.check_level >= 10 && health.ok()) change([&](Memory& memory) { memory.drops = health->kernel_drops; });
  if (!v.reason.empty()) say(v.reason);
  return v.exit;
}

// A check that takes its time: it comes back in the instant when the daemon ends, or when there is something new to say, and else after
// `long_poll`. The first one of a series comes back at once, because the cluster waits for it before it goes on.
Exit Actions::long_poll(const Process& process) {
  const Memory memory = recall();
  const bool first = !memory.returned || memory.interval != p_.interval || clock_.mono() - *memory.returned > p_.interval + Seconds(1);
  const Nanos length = first ? Nanos(0) : p_.timeout > Nanos(0) ? std::min(p_.long_poll, p_.timeout / 2) : p_.long_poll;
  std::optional<Verdict> told;
  Verdict v;
  while (true) {
    const Result<Health> health = ask_health(p_.kind, place_, p_.check_timeout);
    if (!health.ok() && has_died(process)) return died();
    v = verdict(health);
    tell_score_of(health);
    if (!health.ok() || (told && !(v == *told))) break;
    told = v;
    const Nanos left = length - (clock_.mono() - began_);
    if (left <= Nanos(0)) break;
    if (wait_for_end(process, std::min(left, kLookEvery))) return died();
  }
  change([&](Memory& now) {
    now.returned = clock_.mono();
    now.interval = p_.interval;
  });
  if (!v.reason.empty()) say(v.reason);
  return v.exit;
}

// ---- the role

std::vector<std::string> Actions::score_tool(const std::string& word) const {
  return {"crm_attribute", "--promotion=" + p_.instance, "--lifetime=reboot", "--quiet", word};
}

// The tool costs more than all the rest of a check, so the cluster is told only what it doesn't know. What it was told is remembered at
// once: the cluster may end a check that waits.
void Actions::tell_score(std::optional<int> score) const {
  if (recall().score == score) return;
  if (run_tool(score_tool(score ? "--update=" + std::to_string(*score) : "--delete"))) {
    change([&](Memory& memory) { memory.score = score; });
  }
}

void Actions::tell_score_of(const Result<Health>& health) const {
  if (!health.ok()) tell_score(std::nullopt);
  if (health.ok() && health->warm) tell_score(promotion_score(*health, p_.isolation_timeout));
}

// A cluster that was started anew around a daemon that ran on (maintenance mode), or its attribute daemon alone, has forgotten all scores
// (attrd_erase_attrs): then it must be told again.
void Actions::look_after_score() const {
  const std::optional<int> score = recall().score;
  std::string known;
  if (!score || (run_tool(score_tool("--query"), &known) && known == std::to_string(*score) + "\n")) return;
  change([](Memory& memory) { memory.score.reset(); });
}

// A cold instance has been at work since its start: the cluster moves it by starting and stopping.
bool Actions::is_cold() const {
  const Result<Health> health = ask_health(p_.kind, place_, p_.check_timeout);
  if (!health.ok() || health->warm) return false;
  say("only \"standby: warm\" can be promoted and demoted");
  return true;
}

Exit Actions::promote() {
  const auto process = find_process(pid_file());
  if (!process) return dead();
  if (is_cold()) return kUnimplemented;
  json::Value request;
  request.set("began", to_ns(began_));
  if (const Memory memory = recall(); memory.stopped) request.set("stopped", to_ns(*memory.stopped));
  const Result<std::string> role = tell_probe(place_, "promote", p_.check_timeout, std::move(request));
  if (!role.ok() && has_died(*process)) return dead();
  if (!role.ok() || *role == "standby") {
    say("promote: " + (role.ok() ? "it stays a standby" : role.error().message()));
    return kGeneric;
  }
  // The claim is lodged: whether it is admitted is the manager's word, and the next check has it.
  change([](Memory& memory) {
    memory.returned.reset();
    memory.stopped.reset();
  });
  return kOk;
}

// What is dead, or dying, is at work no more; the next check reports it. A failure here would only make the promotion of the other one wait.
Exit Actions::demote_dead() {
  tell_score(std::nullopt);
  change([](Memory& memory) { memory.dead = true; });
  return kOk;
}

Exit Actions::demote() {
  const auto process = find_process(pid_file());
  if (!process) return demote_dead();
  if (is_cold()) return kUnimplemented;
  const Result<std::string> role = tell_probe(place_, "demote", p_.check_timeout);
  if (!role.ok() && has_died(*process)) return demote_dead();
  if (!role.ok()) {
    // What doesn't hear that it is no longer the active one must not go on.
    say("demote: " + role.error().message() + "; it is killed");
    send_signal(*process, SIGKILL);
    if (!wait_for_end(*process, kKilled)) return kGeneric;
    return dead();
  }
  const Result<Health> health = ask_health(p_.kind, place_, p_.check_timeout);
  change([](Memory& memory) {
    memory.returned.reset();
    memory.stopped.reset();  // a standby's, that ended while this one was at work
  });
  tell_score(health.ok() ? promotion_score(*health, p_.isolation_timeout) : kNone);
  return kOk;
}

// Only remembered, for the promotion that may follow: what the cluster has behind it then.
Exit Actions::notify() {
  const Told told = p_.kind == Kind::probe ? told_by(p_.notice, p_.node) : Told::nothing;
  if (told == Told::nothing || !find_process(pid_file())) return kOk;
  change([&](Memory& memory) {
    if (told != Told::done_yet || !memory.stopped) memory.stopped = began_;  // else: it was told when
  });
  return kOk;
}

// ---- the rest

Exit Actions::reload() {
  const auto process = find_process(pid_file());
  if (!process) return kNotRunning;
  if (p_.kind == Kind::manager) {
    send_signal(*process, SIGHUP);
    return kOk;
  }
  const Result<std::string> role = tell_probe(place_, "reload", p_.check_timeout);
  if (!role.ok()) say("reload: " + role.error().message());
  return role.ok() ? kOk : kGeneric;
}

// The parameters that can change while it runs are the agent's own, and each call reads them.
Exit Actions::reload_agent() { return find_process(pid_file()) ? kOk : kNotRunning; }

Exit Actions::validate() {
  if (::access(p_.binary.c_str(), X_OK) != 0) {
    say("there is no program " + p_.binary);
    return kInstalled;
  }
  if (!user_exists(p_.user)) {
    say("there is no user " + p_.user);
    return kInstalled;
  }
  if (::access(p_.config.c_str(), R_OK) != 0) {
    say("there is no file " + p_.config);
    return kInstalled;
  }
  if (!run_tool({p_.binary, "run", "--check-config", "--config", p_.config})) {
    say(fmt::format("{} is wrong; {} run --check-config --config {} says where", p_.config, p_.binary, p_.config));
    return kArguments;
  }
  return kOk;
}

}  // namespace nezu::agent
