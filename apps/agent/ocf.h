// What the cluster understands: exit codes of OCF 1.1, and Pacemaker's two for "it works, but".
#pragma once

namespace nezu::agent {

enum Exit {
  kOk = 0,
  kGeneric = 1,
  kArguments = 2,  // a parameter is wrong here
  kUnimplemented = 3,
  kInstalled = 5,  // something that must be on this node isn't
  kNotRunning = 7,
  kPromoted = 8,
  kFailedPromoted = 9,
  kDegraded = 190,
  kDegradedPromoted = 191,
};

}  // namespace nezu::agent
