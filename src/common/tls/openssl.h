// Inside of common/tls only: owners for OpenSSL's objects, and its error queue as text.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::tls {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

// The newest reason of OpenSSL's queue, in words; the queue is empty afterwards. "unknown reason" where it was empty.
std::string take_openssl_error();

// Files: an Error names the file, and says what was wanted.
Result<X509Ptr> read_certificate(const std::string& path);
Result<KeyPtr> read_key(const std::string& path);
// The same of text; `path` is for messages.
Result<X509Ptr> parse_certificate(const std::string& pem, const std::string& path);
Result<KeyPtr> parse_key(const std::string& pem, const std::string& path);
inline constexpr std::size_t kFileMax = 1 << 20;

std::string common_name(const X509_NAME* name);
WallTime to_wall(const ASN1_TIME* time);
std::string day_and_time(const ASN1_TIME* time);  // RFC 3339
// DNS names and addresses of subjectAltName.
std::vector<std::string> hosts_of(const X509* certificate);
// The certificate's own extended key usage names this one (absent: false; we never issue such).
bool allows(X509* certificate, bool server);

}  // namespace nezu::tls
