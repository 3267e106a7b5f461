// Peers that our own Context can't be: one without a certificate, one that speaks TLS 1.2. Made from OpenSSL directly.
#include <gtest/gtest.h>

#include <chrono>

#include "common/net/pipe.h"
#include "common/tls/openssl.h"
#include "common/tls/test_ca.h"

namespace nezu::tls {
namespace {

WallTime now() { return wall_time_ns(std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch()).count()); }

// A raw client: pumps its memory buffers through a stream until the server has answered.
struct RawClient {
  RawClient(SSL_CTX* context, std::unique_ptr<net::Stream> stream_) : ssl(SSL_new(context)), stream(std::move(stream_)) {
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_connect_state(ssl.get());
    go();
  }
  void go() {
    SSL_do_handshake(ssl.get());
    char buffer[16384];
    int size = 0;
    while ((size = BIO_read(out, buffer, sizeof buffer)) > 0) stream->write(std::string(buffer, static_cast<std::size_t>(size)), {});
    stream->read([this](Result<std::string_view> bytes) {
      if (!bytes || bytes->empty()) return;
      BIO_write(in, bytes->data(), static_cast<int>(bytes->size()));
      go();
    });
  }
  SslPtr ssl;
  BIO* in = nullptr;
  BIO* out = nullptr;
  std::unique_ptr<net::Stream> stream;
};

std::string refusal_of(SSL_CTX* client_context) {
  const TestCa ca(now());
  const auto manager = ca.context("manager", pki::Role::manager, {"manager.example"});
  net::EventLoop loop;
  net::Timer watchdog(loop);
  watchdog.after(std::chrono::seconds(20), [&] { loop.stop(); });
  net::Pipe pipe(loop);
  std::string reason = "no answer";
  accept_over(loop, pipe.take_first(), *manager, [&](auto result) {
    reason = result.ok() ? "accepted" : result.error().message();
    loop.stop();
  });
  RawClient client(client_context, pipe.take_second());
  loop.run();
  return reason;
}

TEST(TlsRefusal, NoCertificate) {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  EXPECT_EQ(refusal_of(context.get()), "pipe: it showed no certificate");
}

TEST(TlsRefusal, OlderTls) {
  const SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  EXPECT_EQ(refusal_of(context.get()), "pipe: it does not speak TLS 1.3");
}

}  // namespace
}  // namespace nezu::tls
