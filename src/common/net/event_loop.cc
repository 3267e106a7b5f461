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

struct Timer::Impl {
  explicit Impl(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  UniqueFunction<void()> handler;
  std::uint64_t generation = 0;  // an expiry that was already queued when the timer was set anew is recognised by it
};

Timer::Timer(EventLoop& loop) : impl_(std::make_shared<Impl>(loop.impl().context)) {}

Timer::~Timer() { cancel(); }

void Timer::cancel() {
  ++impl_->generation;
  const UniqueFunction<void()> old = std::move(impl_->handler);
  impl_->timer.cancel();
}

void Timer::after(Nanos delay, UniqueFunction<void()> handler) {
  const UniqueFunction<void()> old = std::move(impl_->handler);
  impl_->handler = std::move(handler);
  const std::uint64_t generation = ++impl_->generation;
  impl_->timer.expires_after(std::max(delay, Nanos(0)));
  impl_->timer.async_wait([impl = impl_, generation](const boost::system::error_code& ec) {
    if (ec || impl->generation != generation) return;
    UniqueFunction<void()> run = std::move(impl->handler);
    run();
  });
}

}  // namespace nezu::net
