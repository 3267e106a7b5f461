// The actions of OCF on one daemon. Each gives an exit code, and says why on standard error where something is wrong.
#pragma once

#include <string>

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
  bool end(const Process& process);
  Verdict verdict(const Result<Health>& health, Memory& memory) const;
  void tell_score(Memory& memory, std::optional<int> score) const;
  Nanos until_deadline(Nanos reserve, Nanos otherwise) const;

  const Parameters p_;
  const Clock& clock_;
  const MonoTime began_;
  Place place_;
};

}  // namespace nezu::agent
