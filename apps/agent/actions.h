// The actions of OCF on one daemon. Each gives an exit code, and says why on standard error where something is wrong.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/health.h"
#include "agent/memory.h"
#include "agent/ocf.h"
#include "agent/parameters.h"
#include "agent/process.h"
#include "agent/verdict.h"
#include "common/base/time.h"

namespace nezu::agent {

inline constexpr const char* kFolder = "/run/nezuban";

class Actions {
 public:
  Actions(const Parameters& parameters, const Clock& clock);
  Exit run(const std::string& action);

 private:
  Exit start();
  Exit stop();
  Exit monitor();
  Exit promote();
  Exit demote();
  Exit notify();
  Exit reload();
  Exit reload_agent();
  Exit validate();

  std::string pid_file() const;
  std::string memory_file() const;
  Launch launch() const;
  Exit wait_until_ready(const Process& process);
  Exit did_not_start(const Process& process);
  Exit check(const Process& process);
  Exit long_poll(const Process& process);
  Exit dead();
  Exit died();
  Exit demote_dead();
  bool is_cold() const;
  bool has_died(const Process& process) const;
  bool end(const Process& process);
  Verdict verdict(const Result<Health>& health) const;
  std::vector<std::string> score_tool(const std::string& word) const;
  void tell_score(std::optional<int> score) const;
  void tell_score_of(const Result<Health>& health) const;
  void look_after_score() const;
  Memory recall() const;
  void remember(const Memory& memory) const;
  void change(const std::function<void(Memory&)>& how) const;
  Nanos until_deadline(Nanos reserve, Nanos otherwise) const;

  const Parameters p_;
  const Clock& clock_;
  const MonoTime began_;
  Place place_;
};

}  // namespace nezu::agent
