#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "common/base/check.h"
#include "common/base/result.h"

namespace nezu {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "BUG: %s:%d: %s does not hold\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::permission: return "permission";
    case ErrorCode::io: return "io";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::conflict: return "conflict";
  }
  return "unknown";
}

namespace {
ErrorCode code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::already_exists;
    case EPERM:
    case EACCES: return ErrorCode::permission;
    case ENOSPC:
    case EDQUOT: return ErrorCode::no_space;
    case EINVAL: return ErrorCode::invalid_argument;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EAGAIN: return ErrorCode::unavailable;
    default: return ErrorCode::io;
  }
}
}  // namespace

Error Error::from_errno(int errno_value, const std::string& what) {
  return Error(code_of(errno_value), what + ": " + std::generic_category().message(errno_value));
}

}  // namespace nezu
