// Result<T>: a value, or an Error. Errors are values everywhere but in constructors at start-up.
//
// An Error has a code, by which callers decide, and a message for people, which holds the offending value. Callers never match
// messages. std::expected is not in libstdc++ 12; this is the small part of it that we use.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace nezu {

enum class ErrorCode {
  invalid_argument,  // the caller's input is wrong: a flag, a configuration, a request
  not_found,         // the named thing is not there
  already_exists,
  corrupt,      // stored or received bytes are damaged
  unsupported,  // well-formed, but not known here: another protocol version, a link type
  unavailable,  // the peer or resource can't be reached now; trying again may help
  no_space,     // ENOSPC, or a configured limit is reached
  permission,   // EPERM, EACCES, a certificate that isn't trusted
  io,           // any other failure of the system
  cancelled,    // ended by us
  conflict,     // the state doesn't allow it: an old epoch, a transition in flight
};

// A short, stable word for a code: "invalid_argument", "io", … for logs and JSON.
const char* to_string(ErrorCode code);

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  // From errno: code by its meaning, message "what: strerror".
  static Error from_errno(int errno_value, const std::string& what);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error, told with where it happened: "where: message".
  Error in(const std::string& where) const { return Error(code_, where + ": " + message_); }

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & {
    NEZU_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    NEZU_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    NEZU_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok()
  const Error& error() const {
    NEZU_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    NEZU_CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace nezu
