#include <openssl/err.h>

#include <array>

#include "common/tls/context.h"
#include "common/tls/reason.h"
#include "common/tls/tls.h"

namespace nezu::tls {

namespace {

constexpr std::size_t kPlainMax = 16 * 1024;                       // one TLS record
constexpr Nanos kFarewell{std::chrono::seconds(2)};                // for the peer to read why it was refused
constexpr unsigned char kHandshakeRecord = 22, kAlertRecord = 21;  // a TLS peer's first byte

// OpenSSL over two memory buffers: what came in from the inner stream, and what is to go out on it. Held by the handshake's timer first, by
// the TlsStream afterwards; handlers of the inner stream hold it weakly.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(net::EventLoop& loop, std::unique_ptr<net::Stream> inner, Context& context, bool server)
      : loop_(loop), inner_(std::move(inner)), timer_(loop), ssl_(SSL_new(context.impl().context.get())), server_(server) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);  // owns both
    SSL_set_app_data(ssl_.get(), &verdict_);
    server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }

  // --- The handshake

  void expect(const std::string& name) {
    expected_name_ = name;
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return;
    ERR_clear_error();
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_.get(), name.c_str());
    // SSL_set_tlsext_host_name, whose macro casts in the old style.
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
  }

  void start(net::ConnectHandler handler, Nanos timeout) {
    done_ = std::move(handler);
    timer_.after(timeout, [self = shared_from_this(), timeout] {
      self->finish(
          Error(ErrorCode::unavailable, self->inner_->peer() + ": the TLS handshake was not done within " + format_duration(timeout)));
    });
    // From the loop, so that the handler never runs inside the caller's call.
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && self->done_) self->handshake();
    });
  }

  // --- The stream

  void read(net::Stream::ReadHandler handler) {
    NEZU_CHECK(!reader_);
    reader_ = std::move(handler);
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && !self->closed_) self->pump();
    });
  }

  void write(const std::string& bytes, net::Stream::WriteHandler handler) {
    ERR_clear_error();
    const bool fine = bytes.empty() || (!ended_by_us_ && SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
    if (!fine) {
      loop_.post([weak = weak_from_this(), handler = std::move(handler)]() mutable {
        const auto self = weak.lock();
        if (self && !self->closed_ && handler)
          handler(Error(ErrorCode::unavailable, "write to " + self->inner_->peer() + ": the TLS stream has ended"));
      });
      return;
    }
    flush(std::move(handler));
  }

  void shutdown() {
    if (ended_by_us_) return;
    ended_by_us_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    flush({});
    inner_->shutdown();
  }

  void close() {
    closed_ = true;
    timer_.cancel();
    const net::Stream::ReadHandler old = std::move(reader_);
    inner_.reset();
  }

  std::size_t queued_bytes() const { return inner_->queued_bytes(); }
  std::string peer() const { return inner_->peer(); }
  std::string peer_name() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
    return certificate ? common_name(X509_get_subject_name(certificate.get())) : std::string();
  }

 private:
  void flush(net::Stream::WriteHandler handler) {
    std::string bytes;
    char buffer[kPlainMax];
    int size = 0;
    while ((size = BIO_read(out_, buffer, sizeof buffer)) > 0) bytes.append(buffer, static_cast<std::size_t>(size));
    if (!bytes.empty() || handler) inner_->write(std::move(bytes), std::move(handler));
  }

  void fetch(void (Core::*next)()) {
    fetching_ = true;
    inner_->read([weak = weak_from_this(), next](Result<std::string_view> bytes) {
      const auto self = weak.lock();
      if (!self || self->closed_) return;
      self->fetching_ = false;
      if (self->draining_) return self->drain_on(std::move(bytes));
      if (!bytes) return self->broken(bytes.error());
      if (bytes->empty()) {
        self->inner_ended_ = true;
      } else if (!self->take_in(*bytes)) {
        return;
      }
      ((*self).*next)();
    });
  }

  bool take_in(std::string_view bytes) {
    if (!first_seen_) {
      first_seen_ = true;
      const auto first = static_cast<unsigned char>(bytes.front());
      if (first != kHandshakeRecord && first != kAlertRecord) {
        finish(Error(ErrorCode::permission, inner_->peer() + ": it speaks plain text, wanted TLS 1.3"));
        return false;
      }
    }
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    return true;
  }

  void broken(const Error& error) {
    if (done_) return finish(error);
    if (!reader_) return;
    net::Stream::ReadHandler handler = std::move(reader_);
    handler(error);
  }

  void handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return server_ ? handed_over() : await_acceptance();
    if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) return refuse();
    flush({});
    if (inner_ended_) return finish(Error(ErrorCode::unavailable, inner_->peer() + ": it closed the connection during the TLS handshake"));
    fetch(&Core::handshake);
  }

  // A client is through before the server has looked at its certificate. The server's first word afterwards (a ticket) says that it has.
  void await_acceptance() {
    flush({});
    ERR_clear_error();
    char byte = 0;
    const int result = SSL_peek(ssl_.get(), &byte, 1);
    if (result > 0 || verdict_.accepted_by_server) return handed_over();
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ && !inner_ended_) return fetch(&Core::await_acceptance);
    if (error == SSL_ERROR_SSL) return refuse();
    finish(Error(ErrorCode::unavailable, inner_->peer() + ": it closed the connection during the TLS handshake"));
  }

  void handed_over();

  void refuse() {
    const Error reason = handshake_error(ssl_.get(), verdict_.refused.get(), expected_name_);
    flush({});  // the alert, so that the peer knows too
    finish(reason.in(inner_->peer()));
  }

  // The handshake has failed. The inner stream stays a moment: to close at once, with bytes unread, would reset the connection, and the peer
  // might never see our alert.
  void finish(const Error& error) {
    if (!done_) return;
    const auto keep = shared_from_this();
    net::ConnectHandler call = std::move(done_);
    inner_->shutdown();
    timer_.after(kFarewell, [self = keep] { self->close(); });
    draining_ = true;
    if (!fetching_) drain();
    call(error);
  }

  void drain() {
    inner_->read([weak = weak_from_this()](Result<std::string_view> bytes) {
      if (const auto self = weak.lock(); self && !self->closed_) self->drain_on(std::move(bytes));
    });
  }
  void drain_on(Result<std::string_view> bytes) {
    if (!bytes || bytes->empty()) return close();
    drain();
  }

  // Gives the reader what there is; fetches more where there is nothing.
  void pump() {
    if (!reader_) return;
    std::array<char, kPlainMax> plain;
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    const int error = size > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), size);
    if (error == SSL_ERROR_WANT_READ && !inner_ended_) {
      flush({});  // an answer to a key update
      return fetch(&Core::pump);
    }
    net::Stream::ReadHandler handler = std::move(reader_);
    if (size > 0) return handler(std::string_view(plain.data(), static_cast<std::size_t>(size)));
    if (error == SSL_ERROR_ZERO_RETURN) return handler(std::string_view());
    if (error == SSL_ERROR_SSL) return handler(handshake_error(ssl_.get(), nullptr, expected_name_).in("read from " + inner_->peer()));
    handler(Error(ErrorCode::unavailable, "read from " + inner_->peer() + ": the connection was cut (no end of TLS)"));
  }

  net::EventLoop& loop_;
  std::unique_ptr<net::Stream> inner_;
  net::Timer timer_;
  Verdict verdict_;
  SslPtr ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  bool server_;
  std::string expected_name_;
  net::ConnectHandler done_;  // not empty during the handshake
  net::Stream::ReadHandler reader_;
  bool first_seen_ = false, inner_ended_ = false, ended_by_us_ = false, fetching_ = false, draining_ = false, closed_ = false;
};

class TlsStream final : public net::Stream {
 public:
  explicit TlsStream(std::shared_ptr<Core> core) : core_(std::move(core)), peer_name_(core_->peer_name()) {}
  ~TlsStream() override { core_->close(); }
  void read(ReadHandler handler) override { core_->read(std::move(handler)); }
  void write(std::string bytes, WriteHandler handler) override { core_->write(bytes, std::move(handler)); }
  void shutdown() override { core_->shutdown(); }
  std::size_t queued_bytes() const override { return core_->queued_bytes(); }
  std::string peer() const override { return core_->peer(); }
  std::string peer_name() const override { return peer_name_; }

 private:
  std::shared_ptr<Core> core_;
  std::string peer_name_;
};

void Core::handed_over() {
  const auto keep = shared_from_this();
  flush({});
  net::ConnectHandler call = std::move(done_);
  timer_.cancel();
  call(std::unique_ptr<net::Stream>(std::make_unique<TlsStream>(keep)));
}

}  // namespace

void accept_over(net::EventLoop& loop, std::unique_ptr<net::Stream> stream, Context& context, net::ConnectHandler handler, Nanos timeout) {
  std::make_shared<Core>(loop, std::move(stream), context, true)->start(std::move(handler), timeout);
}

void connect_over(net::EventLoop& loop, std::unique_ptr<net::Stream> stream, Context& context, const std::string& expected_name,
                  net::ConnectHandler handler, Nanos timeout) {
  const auto core = std::make_shared<Core>(loop, std::move(stream), context, false);
  core->expect(expected_name);
  core->start(std::move(handler), timeout);
}

}  // namespace nezu::tls
