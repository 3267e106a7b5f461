// TLS 1.3 with certificates on both sides, as a net::Stream; and the small CA behind `nezuctl pki` (pki.h). The only user of OpenSSL.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/net/net.h"

namespace nezu::tls {

struct Files {
  std::string ca;           // PEM: who is trusted (one or more certificates)
  std::string certificate;  // PEM: who we are (with its chain, where there is one)
  std::string key;          // PEM, without a passphrase
};

// Certificates and keys, loaded and checked: readable, the key fits, not expired, signed by the CA. Errors name the file and why.
class Context {
 public:
  // Our own certificate's dates are checked as of `now` (by default the system's time). Peers are always checked at the system's time.
  static Result<std::unique_ptr<Context>> load(const Files& files);
  static Result<std::unique_ptr<Context>> load(const Files& files, WallTime now);
  ~Context();
  // Reads the same files again. Connections made from now on use them, those that stand keep theirs. After an Error the old ones stay.
  Status reload();
  // Seconds until our own certificate ends (negative: ended), as of `now`.
  Seconds remaining(WallTime now) const;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

inline constexpr Nanos kHandshakeTimeout{std::chrono::seconds(10)};
inline constexpr std::size_t kHandshakesMax = 256;  // at once at one listener; more are refused

// TLS 1.3 only; the peer must show a certificate of our CA with the right extended key usage (server/client). A stream whose handshake
// fails or takes longer than 10 s is never handed over; on_refused is told who and why: "192.0.2.7:40112: its certificate has expired …".
// The server reads its context at each connection, so that reload (SIGHUP) changes certificates without cutting sessions.
Result<std::unique_ptr<net::Acceptor>> listen(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context,
                                              net::AcceptHandler handler, std::function<void(std::string)> on_refused = {});
// Checks the server's certificate against `address.host` or `expected_name` (where not empty): DNS or IP of subjectAltName. The stream is
// handed over when the server has accepted our certificate too, so that its refusal is an Error here, not at the first read.
void connect(net::EventLoop& loop, const HostPort& address, std::shared_ptr<Context> context, const std::string& expected_name,
             Nanos timeout, net::ConnectHandler handler);

// The same over any connected Stream (a pipe in tests). The handler runs once, from the loop; an Error's code is `permission` where one side
// refuses the other, `unavailable` where the connection broke or took too long. Where the loop ends first, it never runs.
void accept_over(net::EventLoop& loop, std::unique_ptr<net::Stream> stream, Context& context, net::ConnectHandler handler,
                 Nanos timeout = kHandshakeTimeout);
void connect_over(net::EventLoop& loop, std::unique_ptr<net::Stream> stream, Context& context, const std::string& expected_name,
                  net::ConnectHandler handler, Nanos timeout = kHandshakeTimeout);

}  // namespace nezu::tls
