// The agent's description for the cluster: parameters, actions, and what they are for (XML, ra-api-1).
#pragma once

#include <string>

#include "agent/parameters.h"

namespace nezu::agent {

std::string meta_data(Kind kind);

}  // namespace nezu::agent
