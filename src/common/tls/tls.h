// TLS 1.3 with certificates on both sides, as a net::Stream; and the small CA behind `nezuctl pki`. The only user of OpenSSL.
#pragma once

#include <memory>
#include <string>

#include "common/net/net.h"

namespace nezu::tls {

struct Files {
  std::string ca;           // PEM: who is trusted
  std::string certificate;  // PEM: who we are
  std::string key;          // PEM
};

// Certificates and keys, loaded and checked: readable, the key fits, not expired, signed by the CA. Errors name the file and why.
class Context {
 public:
  static Result<std::unique_ptr<Context>> load(const Files& files);
  ~Context();
  // Seconds until our own certificate ends (negative: ended), as of `now`.
  Seconds remaining(WallTime now) const;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// TLS 1.3 only; the peer must show a certificate of our CA with the right extended key usage (server/client). A stream whose handshake
// fails or takes longer than 10 s is never handed over; the reason is logged and counted (`on_refused` where given).
// The server reads its context at each connection, so that reload (SIGHUP) changes certificates without cutting sessions.
Result<std::unique_ptr<net::Acceptor>> listen(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context,
                                              net::AcceptHandler handler, std::function<void(std::string)> on_refused = {});
// Checks the server's certificate against `address.host` or `expected_name` (where not empty): DNS or IP of subjectAltName.
void connect(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context, const std::string& expected_name,
             Nanos timeout, net::ConnectHandler handler);

}  // namespace nezu::tls
