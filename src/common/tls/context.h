// Inside of common/tls only.
#pragma once

#include <optional>

#include "common/tls/openssl.h"
#include "common/tls/tls.h"

namespace nezu::tls {

// What OpenSSL's callbacks note of one connection (SSL_get_app_data).
struct Verdict {
  X509Ptr refused;                  // the peer's certificate that we didn't accept
  bool accepted_by_server = false;  // client: the server has checked our certificate, and goes on
};

struct Context::Impl {
  Files files;
  std::optional<WallTime> fixed_now;  // what load() was given
  SslCtxPtr context;                  // an SSL keeps a reference to the one it was made from
  WallTime not_after;
};

}  // namespace nezu::tls
