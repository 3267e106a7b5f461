#include "common/tls/openssl.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "common/base/text.h"
#include "common/io/directory.h"

namespace nezu::tls {

namespace {
int no_passphrase(char*, int, int, void*) { return -1; }
}  // namespace

std::string take_openssl_error() {
  std::string text = "unknown reason";
  while (const unsigned long code = ERR_get_error()) {
    if (const char* reason = ERR_reason_error_string(code)) text = reason;
  }
  return text;
}

Result<X509Ptr> read_certificate(const std::string& path) {
  const auto text = io::read_file(path, kFileMax);
  if (!text) return text.error();
  return parse_certificate(*text, path);
}

Result<X509Ptr> parse_certificate(const std::string& pem, const std::string& path) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) {
    return Error(ErrorCode::invalid_argument, path + ": no readable PEM certificate in it (" + take_openssl_error() + ")");
  }
  return certificate;
}

Result<KeyPtr> read_key(const std::string& path) {
  const auto text = io::read_file(path, kFileMax);
  if (!text) return text.error();
  return parse_key(*text, path);
}

Result<KeyPtr> parse_key(const std::string& pem, const std::string& path) {
  if (pem.find("ENCRYPTED") != std::string::npos) {
    return Error(ErrorCode::invalid_argument, path + ": the key is protected by a passphrase; wanted one without");
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return Error(ErrorCode::invalid_argument, path + ": no readable PEM private key in it (" + take_openssl_error() + ")");
  return key;
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string text(utf8, utf8 + size);
  OPENSSL_free(utf8);
  return text;
}

WallTime to_wall(const ASN1_TIME* time) {
  std::tm tm{};
  ASN1_TIME_to_tm(time, &tm);
  return wall_time_ns(static_cast<std::int64_t>(::timegm(&tm)) * 1'000'000'000);
}

std::string day_and_time(const ASN1_TIME* time) { return format_rfc3339(to_ns(to_wall(time))); }

std::vector<std::string> hosts_of(const X509* certificate) {
  std::vector<std::string> hosts;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      const unsigned char* data = ASN1_STRING_get0_data(name->d.dNSName);
      hosts.emplace_back(data, data + ASN1_STRING_length(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      const int size = ASN1_STRING_length(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      if (size == 4 || size == 16) ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
      hosts.emplace_back(text);
    }
  }
  return hosts;
}

bool allows(X509* certificate, bool server) {
  const std::uint32_t usage = X509_get_extended_key_usage(certificate);  // all bits where the extension is absent
  return usage != UINT32_MAX && (usage & (server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) != 0;
}

}  // namespace nezu::tls
