// What a notice of the cluster says about the other instance. Pure.
#pragma once

#include <string>

#include "agent/parameters.h"

namespace nezu::agent {

enum class Told {
  nothing,
  done,      // another node's stop or demotion is done
  done_yet,  // it was done before, if it was to be: this node is about to be promoted, and nobody is before the old one is demoted
};

// `node`: this one; empty: not known, and then every node is another one.
Told told_by(const Notice& notice, const std::string& node);

}  // namespace nezu::agent
