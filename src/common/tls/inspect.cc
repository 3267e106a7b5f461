#include <openssl/pem.h>

#include "common/tls/openssl.h"
#include "common/tls/pki.h"

namespace nezu::tls::pki {

namespace {

std::string hexadecimal(const unsigned char* data, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[data[i] >> 4];
    text += kDigits[data[i] & 15];
  }
  return text;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<CertificateInfo> inspect(const std::string& file) {
  const auto certificate = read_certificate(file);
  if (!certificate) return certificate.error();
  X509* c = certificate->get();
  CertificateInfo info;
  info.file = file;
  info.subject = common_name(X509_get_subject_name(c));
  info.issuer = common_name(X509_get_issuer_name(c));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(c);
  info.serial = hexadecimal(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial)));
  info.hosts = hosts_of(c);
  info.not_before = to_wall(X509_get0_notBefore(c));
  info.not_after = to_wall(X509_get0_notAfter(c));
  info.is_ca = X509_check_ca(c) == 1;
  info.for_server = allows(c, true);
  info.for_client = allows(c, false);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(c, EVP_sha256(), digest, &size) == 1) info.fingerprint = hexadecimal(digest, size);
  return info;
}

Result<std::vector<CertificateInfo>> list(const std::string& directory) {
  const auto opened = io::SystemDirectory::open(directory);
  if (!opened) return opened.error();
  const auto names = (*opened)->list();
  if (!names) return names.error();
  std::vector<CertificateInfo> all;
  for (const std::string& name : *names) {
    if (!ends_with(name, ".crt")) continue;
    auto info = inspect(directory + "/" + name);
    if (!info) return info.error();
    all.push_back(std::move(*info));
  }
  return all;
}

}  // namespace nezu::tls::pki
