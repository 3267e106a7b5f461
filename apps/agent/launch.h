// How a daemon is put into the world: its own session, its log, no descriptor or variable of the cluster's, a user's rights.
#pragma once

#include <sys/types.h>

#include <string>

#include "agent/process.h"
#include "common/base/result.h"

namespace nezu::agent {

Result<pid_t> launch_daemon(const Launch& launch);

// Whether there is such a user here.
bool user_exists(const std::string& user);

// Makes the folder, as that user's, where it isn't there.
Status make_folder(const std::string& path, const std::string& user, unsigned mode);

}  // namespace nezu::agent
