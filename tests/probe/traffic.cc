#include "probe/traffic.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

namespace nezu::testing {
namespace {

// Reads up to and with the end of a head.
std::string read_head(int fd) {
  std::string head;
  std::array<char, 4096> buffer;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return {};
    head.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return head;
}
void write_all(int fd, const std::string& bytes) {
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

}  // namespace

Traffic::Traffic() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), client_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  ::sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<::sockaddr*>(&a), size), 0);
  EXPECT_EQ(::listen(listener_.get(), 4), 0);
  EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<::sockaddr*>(&a), &size), 0);
  port_ = ntohs(a.sin_port);
  server_ = std::thread([this] { serve(); });
  EXPECT_EQ(::connect(client_.get(), reinterpret_cast<::sockaddr*>(&a), size), 0);
}

Traffic::~Traffic() {
  client_.reset();
  server_.join();
}

void Traffic::serve() {
  const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  for (std::string head; !(head = read_head(connection.get())).empty();) {
    const bool bad = head.find("/bad") != std::string::npos;
    write_all(connection.get(), std::string("HTTP/1.1 ") + (bad ? "503 Unavailable" : "200 OK") + "\r\nContent-Length: 0\r\n\r\n");
  }
}

void Traffic::request() {
  const bool bad = requests_ % 10 == 9;
  write_all(client_.get(), std::string("GET /") + (bad ? "bad" : "good") + " HTTP/1.1\r\nHost: shop.example.net\r\n\r\n");
  EXPECT_FALSE(read_head(client_.get()).empty());
  ++requests_;
  errors_ += bad ? 1 : 0;
}

}  // namespace nezu::testing
