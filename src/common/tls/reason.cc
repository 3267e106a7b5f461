#include "common/tls/reason.h"

#include <openssl/err.h>

namespace nezu::tls {

namespace {

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? "no name at all" : text;
}

// We didn't accept the peer's certificate.
std::string of_verification(const SSL* ssl, long result, const X509* certificate, const std::string& expected_name) {
  std::string who = "its certificate";
  if (certificate) who += " \"" + common_name(X509_get_subject_name(certificate)) + "\"";
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return who + " has expired" + (certificate ? " on " + day_and_time(X509_get0_notAfter(certificate)) : "");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return who + " is not valid" + (certificate ? " before " + day_and_time(X509_get0_notBefore(certificate)) : " yet") +
             "; are both clocks right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return who + " is signed by another CA" + (certificate ? ", \"" + common_name(X509_get_issuer_name(certificate)) + "\"" : "") +
             ", not by the one that is trusted here";
    case X509_V_ERR_INVALID_PURPOSE:
      return who + (SSL_is_server(ssl) == 1 ? " is not for a probe or client (extended key usage clientAuth is missing)"
                                            : " is not for a manager (extended key usage serverAuth is missing)");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return who + " is for " + (certificate ? joined(hosts_of(certificate)) : "another name") + ", not for " + expected_name;
    default: return who + " is not accepted: " + X509_verify_cert_error_string(result);
  }
}

// What an alert of the peer's means; empty: no alert.
std::string of_alert(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "it refuses our certificate: expired";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "it refuses our certificate: signed by another CA than it trusts";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE: return "it refuses our certificate: not valid yet, or for another name";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return "it refuses our certificate: not for this use (extended key usage)";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED: return "it refuses our certificate: revoked";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return "it refuses our certificate";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return "it wants a certificate, and we showed none";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "it does not speak TLS 1.3";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return "it found no common ground in the handshake";
    default: return {};
  }
}

}  // namespace

Error handshake_error(const SSL* ssl, const X509* refused, const std::string& expected_name) {
  int reason = 0;
  std::string words;
  while (const unsigned long code = ERR_get_error()) {
    if (ERR_GET_LIB(code) == ERR_LIB_SSL || reason == 0) {
      reason = ERR_GET_REASON(code);
      if (const char* text = ERR_reason_error_string(code)) words = text;
    }
  }
  const long result = SSL_get_verify_result(ssl);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && result != X509_V_OK)
    return Error(ErrorCode::permission, of_verification(ssl, result, refused, expected_name));
  if (const std::string alert = of_alert(reason); !alert.empty()) return Error(ErrorCode::permission, alert);
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return Error(ErrorCode::permission, "it showed no certificate");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_WRONG_VERSION_NUMBER: return Error(ErrorCode::permission, "it does not speak TLS 1.3");
    default: return Error(ErrorCode::permission, "the TLS handshake failed: " + (words.empty() ? std::string("unknown reason") : words));
  }
}

}  // namespace nezu::tls
