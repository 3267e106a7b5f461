#include "common/tls/pki.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>

#include "common/tls/openssl.h"

namespace nezu::tls::pki {

namespace {

constexpr Nanos kBackdated{std::chrono::minutes(5)};
constexpr long kX509v3 = 2;
constexpr int kSerialBits = 127;  // positive in 16 bytes

Error openssl_failed(const std::string& what) { return Error(ErrorCode::io, what + ": " + take_openssl_error()); }

std::int64_t to_unix(WallTime t) { return to_ns(t) / 1'000'000'000; }

// What a certificate says beside its names and dates; values are in OpenSSL's configuration syntax, and never hold a user's text.
struct Extension {
  int nid;
  const char* value;
};

struct Draft {
  std::string common_name;
  WallTime not_before, not_after;
  std::vector<Extension> extensions;
  const std::vector<std::string>* hosts = nullptr;
};

Status add_hosts(X509* certificate, const std::vector<std::string>& hosts) {
  const NamesPtr names(GENERAL_NAMES_new());
  for (const std::string& host : hosts) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    sk_GENERAL_NAME_push(names.get(), name);  // owned by `names` from here on
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str())) {
      GENERAL_NAME_set0_value(name, GEN_IPADD, address);
      continue;
    }
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, host.data(), static_cast<int>(host.size()));
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) return openssl_failed("subjectAltName");
  return {};
}

Status set_serial(X509* certificate) {
  const BignumPtr serial(BN_new());
  if (BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1) return openssl_failed("serial number");
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
  return {};
}

// `issuer` null: signs itself.
Result<X509Ptr> make_certificate(const Draft& draft, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  X509Ptr certificate(X509_new());
  X509* c = certificate.get();
  X509_set_version(c, kX509v3);
  if (const Status serial = set_serial(c); !serial) return serial.error();
  ASN1_TIME_set(X509_getm_notBefore(c), to_unix(draft.not_before));
  ASN1_TIME_set(X509_getm_notAfter(c), to_unix(draft.not_after));
  X509_NAME* subject = X509_get_subject_name(c);
  if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(draft.common_name.data()),
                                 static_cast<int>(draft.common_name.size()), -1, 0) != 1) {
    return openssl_failed("common name " + draft.common_name);
  }
  X509_set_issuer_name(c, issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  X509_set_pubkey(c, key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer : c, c, nullptr, nullptr, 0);
  for (const Extension& wanted : draft.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, wanted.nid, wanted.value);
    if (extension == nullptr) return openssl_failed(wanted.value);
    X509_add_ext(c, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (draft.hosts != nullptr && !draft.hosts->empty()) {
    if (const Status hosts = add_hosts(c, *draft.hosts); !hosts) return hosts.error();
  }
  if (X509_sign(c, issuer_key, EVP_sha256()) == 0) return openssl_failed("signing");
  return certificate;
}

template <class Write>
std::string to_pem(const Write& write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// The key first: a crash between the two leaves a key without a certificate, and a second run says what is there.
Status write_pair(io::Directory& directory, const std::string& name, X509* certificate, EVP_PKEY* key) {
  std::string key_pem = to_pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  const Status written = io::write_whole(directory, name + ".key", key_pem, 0600);
  OPENSSL_cleanse(key_pem.data(), key_pem.size());
  if (!written) return written;
  return io::write_whole(directory, name + ".crt", to_pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); }), 0644);
}

Status refuse_existing(io::Directory& directory, const std::string& name) {
  for (const char* suffix : {".crt", ".key"}) {
    const auto there = directory.exists(name + suffix);
    if (!there) return there.error();
    if (*there)
      return Error(ErrorCode::already_exists, directory.path() + "/" + name + suffix + " is there already; it is replaced only by force");
  }
  return {};
}

bool is_host_name(const std::string& host) {
  std::string_view rest = host;
  if (rest.substr(0, 2) == "*.") rest.remove_prefix(2);
  if (rest.empty() || rest.size() > 253) return false;
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    const auto good = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' || !std::all_of(label.begin(), label.end(), good))
      return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

Status check(const IssueOptions& options) {
  const std::string& name = options.name;
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 63 || name.front() == '.' || name.front() == '-' || name == "ca" ||
      !std::all_of(name.begin(), name.end(), good)) {
    return Error(ErrorCode::invalid_argument,
                 "name \"" + name + "\": wanted 1–63 of A–Z a–z 0–9 . _ -, not beginning with . or -, and not \"ca\"");
  }
  if (options.lifetime <= Seconds(0)) return Error(ErrorCode::invalid_argument, "lifetime: wanted more than zero");
  if (options.role == Role::manager && options.hosts.empty()) {
    return Error(ErrorCode::invalid_argument, "a manager's certificate needs the names or addresses under which probes reach it (host)");
  }
  for (const std::string& host : options.hosts) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
    const bool fine = address != nullptr || is_host_name(host);
    ASN1_OCTET_STRING_free(address);
    if (!fine) return Error(ErrorCode::invalid_argument, "host \"" + host + "\": wanted a DNS name or an IP address");
  }
  return {};
}

struct Authority {
  X509Ptr certificate;
  KeyPtr key;
};

Result<Authority> read_authority(io::Directory& directory, WallTime now) {
  const auto there = directory.exists("ca.crt");
  if (!there) return there.error();
  if (!*there) return Error(ErrorCode::not_found, directory.path() + "/ca.crt: there is no CA yet");
  const auto certificate_pem = directory.read("ca.crt", kFileMax);
  if (!certificate_pem) return certificate_pem.error();
  const auto key_pem = directory.read("ca.key", kFileMax);
  if (!key_pem) return key_pem.error();
  auto certificate = parse_certificate(*certificate_pem, directory.path() + "/ca.crt");
  if (!certificate) return certificate.error();
  auto key = parse_key(*key_pem, directory.path() + "/ca.key");
  if (!key) return key.error();
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    take_openssl_error();
    return Error(ErrorCode::corrupt, directory.path() + ": ca.key does not belong to ca.crt");
  }
  if (now >= to_wall(X509_get0_notAfter(certificate->get()))) {
    return Error(ErrorCode::permission,
                 directory.path() + "/ca.crt: the CA has expired on " + day_and_time(X509_get0_notAfter(certificate->get())));
  }
  return Authority{std::move(*certificate), std::move(*key)};
}

}  // namespace

Status init(io::Directory& directory, const CaOptions& options, WallTime now) {
  if (options.common_name.empty() || options.common_name.size() > 64) {
    return Error(ErrorCode::invalid_argument, "the CA's name \"" + options.common_name + "\": wanted 1–64 bytes");
  }
  if (options.lifetime <= Seconds(0)) return Error(ErrorCode::invalid_argument, "lifetime: wanted more than zero");
  if (!options.force) {
    if (const Status free = refuse_existing(directory, "ca"); !free) return free;
  }
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed("making a key");
  Draft draft;
  draft.common_name = options.common_name;
  draft.not_before = now - kBackdated;
  draft.not_after = now + options.lifetime;
  draft.extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                      {NID_key_usage, "critical,keyCertSign,cRLSign"},
                      {NID_subject_key_identifier, "hash"}};
  const auto certificate = make_certificate(draft, key.get(), nullptr, key.get());
  if (!certificate) return certificate.error();
  return write_pair(directory, "ca", certificate->get(), key.get());
}

Status issue(io::Directory& directory, const IssueOptions& options, WallTime now) {
  if (const Status good = check(options); !good) return good;
  const auto authority = read_authority(directory, now);
  if (!authority) return authority.error();
  if (!options.force) {
    if (const Status free = refuse_existing(directory, options.name); !free) return free;
  }
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failed("making a key");
  Draft draft;
  draft.common_name = options.name;
  draft.not_before = now - kBackdated;
  draft.not_after = std::min(now + Nanos(options.lifetime), to_wall(X509_get0_notAfter(authority->certificate.get())));
  draft.hosts = &options.hosts;
  draft.extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                      {NID_key_usage, "critical,digitalSignature"},
                      {NID_ext_key_usage, options.role == Role::manager ? "serverAuth" : "clientAuth"},
                      {NID_subject_key_identifier, "hash"},
                      {NID_authority_key_identifier, "keyid"}};
  const auto certificate = make_certificate(draft, key.get(), authority->certificate.get(), authority->key.get());
  if (!certificate) return certificate.error();
  return write_pair(directory, options.name, certificate->get(), key.get());
}

Status init(const std::string& directory, const CaOptions& options, WallTime now) {
  const auto opened = io::SystemDirectory::make(directory);
  if (!opened) return opened.error();
  return init(**opened, options, now);
}

Status issue(const std::string& directory, const IssueOptions& options, WallTime now) {
  const auto opened = io::SystemDirectory::open(directory);
  if (!opened) return opened.error();
  return issue(**opened, options, now);
}

}  // namespace nezu::tls::pki
