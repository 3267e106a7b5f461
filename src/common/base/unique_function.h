// UniqueFunction<R(Args...)>: a callable that may hold move-only captures (std::move_only_function is not in libstdc++ 12).
#pragma once

#include <memory>
#include <utility>

#include "common/base/check.h"

namespace nezu {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT: implicit on purpose
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> && std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F f) : holder_(std::make_unique<Holder<F>>(std::move(f))) {}  // NOLINT: implicit on purpose

  explicit operator bool() const { return holder_ != nullptr; }

  // REQUIRES: not empty
  R operator()(Args... args) {
    NEZU_CHECK(holder_ != nullptr);
    return holder_->call(std::forward<Args>(args)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Holder final : Base {
    explicit Holder(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Base> holder_;
};

}  // namespace nezu
