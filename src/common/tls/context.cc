#include "common/tls/context.h"

#include <openssl/err.h>

#include <chrono>

#include "common/base/text.h"

namespace nezu::tls {

namespace {

WallTime system_now() {
  return wall_time_ns(std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch()).count());
}

// Beyond OpenSSL's own checks: the extended key usage must be there. Keeps the certificate that was refused: OpenSSL forgets it, and the
// message for people names it.
int verify(int ok, X509_STORE_CTX* store) {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* current = X509_STORE_CTX_get_current_cert(store);
  if (ok == 1 && X509_STORE_CTX_get_error_depth(store) == 0 && !allows(current, SSL_is_server(ssl) == 0)) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
    ok = 0;
  }
  auto* verdict = static_cast<Verdict*>(SSL_get_app_data(ssl));
  if (ok != 1 && verdict != nullptr) {
    const int error = X509_STORE_CTX_get_error(store);
    const bool of_dates = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
    X509* blamed = of_dates ? current : X509_STORE_CTX_get0_cert(store);
    X509_up_ref(blamed);
    verdict->refused.reset(blamed);
  }
  return ok;
}

int on_ticket(SSL* ssl, SSL_SESSION*) {
  if (auto* verdict = static_cast<Verdict*>(SSL_get_app_data(ssl))) verdict->accepted_by_server = true;
  return 0;  // we don't keep the session
}

// A ticket is sent, because it tells the client that it was accepted; it is never taken: each connection shows its certificate.
int make_ticket(SSL*, void*) { return 1; }
SSL_TICKET_RETURN take_ticket(SSL*, SSL_SESSION*, const unsigned char*, size_t, SSL_TICKET_STATUS, void*) {
  return SSL_TICKET_RETURN_IGNORE;
}

Status check_dates(const std::string& file, const X509* certificate, WallTime now) {
  const ASN1_TIME* from = X509_get0_notBefore(certificate);
  const ASN1_TIME* until = X509_get0_notAfter(certificate);
  if (now >= to_wall(until)) return Error(ErrorCode::permission, file + ": the certificate has expired on " + day_and_time(until));
  if (now < to_wall(from)) {
    return Error(ErrorCode::permission,
                 file + ": the certificate is not valid before " + day_and_time(from) + "; is this machine's clock right?");
  }
  return {};
}

Status check_signed(const Files& files, X509* certificate, WallTime now) {
  const StorePtr store(X509_STORE_new());
  if (X509_STORE_load_file(store.get(), files.ca.c_str()) != 1) {
    return Error(ErrorCode::invalid_argument, files.ca + ": no readable PEM certificate in it (" + take_openssl_error() + ")");
  }
  const StoreCtxPtr check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), store.get(), certificate, nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(check.get()), static_cast<time_t>(to_ns(now) / 1'000'000'000));
  if (X509_verify_cert(check.get()) == 1) return {};
  const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
  ERR_clear_error();
  return Error(ErrorCode::permission, files.certificate + ": not signed by the CA in " + files.ca + " (" + reason + ")");
}

Result<SslCtxPtr> make_context(const Files& files) {
  SslCtxPtr context(SSL_CTX_new(TLS_method()));
  SSL_CTX* c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c, on_ticket);
  SSL_CTX_set_session_ticket_cb(c, make_ticket, take_ticket, nullptr);
  SSL_CTX_set_num_tickets(c, 1);
  const unsigned char id[] = {'n', 'e', 'z', 'u'};
  SSL_CTX_set_session_id_context(c, id, sizeof id);
  if (SSL_CTX_load_verify_file(c, files.ca.c_str()) != 1) return Error(ErrorCode::invalid_argument, files.ca + ": " + take_openssl_error());
  SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(files.ca.c_str()));
  if (SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1) {
    return Error(ErrorCode::invalid_argument, files.certificate + ": " + take_openssl_error());
  }
  return context;
}

Status load_into(Context::Impl& impl) {
  const Files& files = impl.files;
  const WallTime now = impl.fixed_now.value_or(system_now());
  const auto ca = read_certificate(files.ca);
  if (!ca) return ca.error();
  const auto certificate = read_certificate(files.certificate);
  if (!certificate) return certificate.error();
  const auto key = read_key(files.key);
  if (!key) return key.error();
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::invalid_argument, files.key + ": the key does not belong to the certificate in " + files.certificate);
  }
  if (const Status dates = check_dates(files.certificate, certificate->get(), now); !dates) return dates;
  if (const Status is_signed = check_signed(files, certificate->get(), now); !is_signed) return is_signed;
  auto context = make_context(files);
  if (!context) return context.error();
  if (SSL_CTX_use_PrivateKey(context->get(), key->get()) != 1)
    return Error(ErrorCode::invalid_argument, files.key + ": " + take_openssl_error());
  impl.context = std::move(*context);
  impl.not_after = to_wall(X509_get0_notAfter(certificate->get()));
  return {};
}

Result<std::unique_ptr<Context::Impl>> load_new(const Files& files, std::optional<WallTime> now) {
  auto impl = std::make_unique<Context::Impl>();
  impl->files = files;
  impl->fixed_now = now;
  if (const Status loaded = load_into(*impl); !loaded) return loaded.error();
  return impl;
}

}  // namespace

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Context::~Context() = default;

Result<std::unique_ptr<Context>> Context::load(const Files& files) {
  auto impl = load_new(files, std::nullopt);
  if (!impl) return impl.error();
  return std::unique_ptr<Context>(new Context(std::move(*impl)));
}

Result<std::unique_ptr<Context>> Context::load(const Files& files, WallTime now) {
  auto impl = load_new(files, now);
  if (!impl) return impl.error();
  return std::unique_ptr<Context>(new Context(std::move(*impl)));
}

Status Context::reload() { return load_into(*impl_); }

Seconds Context::remaining(WallTime now) const { return std::chrono::duration_cast<Seconds>(impl_->not_after - now); }

}  // namespace nezu::tls
