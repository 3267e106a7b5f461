#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/net/impl.h"
#include "common/net/net.h"

namespace nezu::net {

struct Readable::Impl : std::enable_shared_from_this<Readable::Impl> {
  Impl(EventLoop& loop, UniqueFd fd, std::function<void(int)> called)
      : descriptor(loop.impl().context, fd.release()), handler(std::move(called)) {}

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read, [weak = weak_from_this()](const boost::system::error_code& ec) {
      const std::shared_ptr<Impl> self = weak.lock();
      if (ec || !self) return;
      self->handler(self->descriptor.native_handle());
      self->wait();
    });
  }

  boost::asio::posix::stream_descriptor descriptor;
  std::function<void(int)> handler;
};

Readable::Readable(EventLoop& loop, UniqueFd fd, std::function<void(int fd)> handler)
    : impl_(std::make_shared<Impl>(loop, std::move(fd), std::move(handler))) {
  impl_->wait();
}

Readable::~Readable() = default;

}  // namespace nezu::net
