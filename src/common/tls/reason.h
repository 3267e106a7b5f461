// Inside of common/tls only: why a handshake failed, in words for people.
#pragma once

#include <string>

#include "common/tls/openssl.h"

namespace nezu::tls {

// Call right after SSL_do_handshake (or SSL_read) failed; empties OpenSSL's error queue. `expected_name`: what a client wanted, else empty.
// `refused`: the certificate that we refused, or null. Code `permission`: one side doesn't accept the other.
Error handshake_error(const SSL* ssl, const X509* refused, const std::string& expected_name);

}  // namespace nezu::tls
