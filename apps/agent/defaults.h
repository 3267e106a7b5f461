// Defaults of the agents' parameters: said to the cluster (meta_data.cc) and used (parameters.cc) from one place.
#pragma once

#include "agent/parameters.h"

namespace nezu::agent {

inline constexpr const char* kDefaultUser = "nezuban";
inline constexpr const char* kDefaultIsolation = "30s";
inline constexpr const char* kDefaultLongPoll = "5s";
inline constexpr const char* kDefaultCheck = "2s";
inline constexpr const char* kDefaultStop = "10s";

inline const char* default_config(Kind kind) { return kind == Kind::probe ? "/etc/nezuban/probe.yaml" : "/etc/nezuban/manager.yaml"; }

}  // namespace nezu::agent
