#include "probe/traffic.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
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

Traffic::Traffic()
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), client_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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

namespace {

// Numbers in network order.
void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}
std::string segment(std::uint16_t from, std::uint16_t to, bool client, std::uint32_t seq, std::uint32_t ack, const std::string& data) {
  std::string p;
  put(p, 0x4500, 2);
  put(p, static_cast<std::uint32_t>(40 + data.size()), 2);
  put(p, 0, 4);
  put(p, 0x40060000, 4);
  put(p, client ? 0x7f000001 : 0x7f000002, 4);
  put(p, client ? 0x7f000002 : 0x7f000001, 4);
  put(p, from, 2);
  put(p, to, 2);
  put(p, seq, 4);
  put(p, ack, 4);
  put(p, 0x5018ffff, 4);
  put(p, 0, 4);
  return p + data;
}

}  // namespace

void write_capture(const std::string& path, std::uint16_t port, int requests, Nanos every) {
  std::ofstream out(path, std::ios::binary);
  const auto host = [&](std::uint32_t v) { out.write(reinterpret_cast<const char*>(&v), sizeof v); };
  for (const std::uint32_t v : {0xa1b23c4du, 0x00040002u, 0u, 0u, 65535u, 101u}) host(v);
  std::int64_t t = 1'700'000'000'200'000'000;
  const auto frame = [&](std::int64_t at, const std::string& bytes) {
    for (const std::int64_t v :
         {at / 1'000'000'000, at % 1'000'000'000, static_cast<std::int64_t>(bytes.size()), static_cast<std::int64_t>(bytes.size())}) {
      host(static_cast<std::uint32_t>(v));
    }
    out << bytes;
  };
  std::uint32_t client = 1000, server = 5000;
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (int i = 0; i < requests; ++i, t += every.count()) {
    frame(t, segment(40000, port, true, client, server, request));
    client += static_cast<std::uint32_t>(request.size());
    frame(t + 3'000'000, segment(port, 40000, false, server, client, response));
    server += static_cast<std::uint32_t>(response.size());
  }
}

}  // namespace nezu::testing
