#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/net/impl.h"
#include "common/net/net.h"

namespace nezu::net {

namespace asio = boost::asio;

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->context.restart();
  impl_->context.run();
}

void EventLoop::stop() {
  if (impl_->stop_wanted.exchange(true)) return;
  asio::post(impl_->context, [impl = impl_.get()] {
    impl->stop_wanted = false;
    impl->context.stop();
  });
}

void EventLoop::post(UniqueFunction<void()> task) {
  asio::post(impl_->context, [task = std::move(task)]() mutable { task(); });
}

namespace {
void wait_for_signal(EventLoop::Impl& impl) {
  impl.signals->async_wait([&impl](const boost::system::error_code& ec, int signal) {
    if (ec) return;
    impl.signal_handler(signal);
    wait_for_signal(impl);
  });
}
}  // namespace

void EventLoop::on_signal(std::initializer_list<int> signals, std::function<void(int)> handler) {
  NEZU_CHECK(!impl_->signals);
  impl_->signal_handler = std::move(handler);
  impl_->signals.emplace(impl_->context);
  for (const int signal : signals) impl_->signals->add(signal);
  wait_for_signal(*impl_);
}

namespace {
// The handler belongs to the pending wait, not to the Timer, so that an object may be held by its own timer: when the loop ends, the wait
// goes, and with it the handler and what it holds.
struct Slot {
  UniqueFunction<void()> handler;
};
}  // namespace

struct Timer::Impl {
  explicit Impl(asio::io_context& context) : timer(context) {}

  void drop() {
    // An expiry that is already queued finds its slot empty.
    const std::shared_ptr<Slot> old = slot.lock();
    slot.reset();
    if (old) const UniqueFunction<void()> gone = std::move(old->handler);
  }

  asio::steady_timer timer;
  std::weak_ptr<Slot> slot;
};

Timer::Timer(EventLoop& loop) : impl_(std::make_shared<Impl>(loop.impl().context)) {}

Timer::~Timer() { cancel(); }

void Timer::cancel() {
  const std::shared_ptr<Impl> keep = impl_;  // the old handler may hold the Timer
  keep->timer.cancel();
  keep->drop();
}

void Timer::after(Nanos delay, UniqueFunction<void()> handler) {
  const std::shared_ptr<Impl> keep = impl_;
  auto slot = std::make_shared<Slot>();
  slot->handler = std::move(handler);
  keep->timer.expires_after(std::max(delay, Nanos(0)));  // cancels what was set before
  keep->timer.async_wait([slot](const boost::system::error_code& ec) {
    if (ec || !slot->handler) return;
    UniqueFunction<void()> run = std::move(slot->handler);
    run();
  });
  keep->drop();
  keep->slot = slot;
}

}  // namespace nezu::net
