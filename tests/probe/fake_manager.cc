#include "probe/fake_manager.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

namespace nezu::testing {
namespace {
bool readable(int fd, int timeout_ms) {
  ::pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, timeout_ms) == 1;
}
}  // namespace

FakeManager::FakeManager() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  ::sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<::sockaddr*>(&a), size), 0);
  EXPECT_EQ(::listen(listener_.get(), 4), 0);
  EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<::sockaddr*>(&a), &size), 0);
  port_ = ntohs(a.sin_port);
}

bool FakeManager::accept(int timeout_ms) {
  if (!readable(listener_.get(), timeout_ms)) return false;
  connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  reader_.emplace(wire::kMaxFrameBytes);
  ended_ = false;
  return static_cast<bool>(connection_);
}

void FakeManager::send(const wire::Message& message) {
  const std::string bytes = wire::frame(wire::encode(message));
  EXPECT_EQ(::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

std::optional<wire::Message> FakeManager::receive(int timeout_ms) {
  for (;;) {
    auto next = reader_->next();
    if (!next.ok()) {
      ADD_FAILURE() << next.error().message();
      ended_ = true;
      return std::nullopt;
    }
    if (next->ready) {
      auto message = wire::decode(next->bytes);
      if (message.ok()) return std::move(message).value();
      ADD_FAILURE() << message.error().message();
      continue;
    }
    if (ended_ || !readable(connection_.get(), timeout_ms)) return std::nullopt;
    std::array<char, 65536> buffer;
    const ssize_t n = ::recv(connection_.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) {
      ended_ = true;
      return std::nullopt;
    }
    reader_->append({buffer.data(), static_cast<std::size_t>(n)});
  }
}

void FakeManager::reset() {
  const ::linger now{1, 0};
  ::setsockopt(connection_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  connection_.reset();
}

}  // namespace nezu::testing
