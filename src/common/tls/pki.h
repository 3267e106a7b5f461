// A small certificate authority in a directory, for `nezuctl pki`. ECDSA P-256, SHA-256.
//   DIR/ca.crt  DIR/ca.key (0600)  DIR/NAME.crt  DIR/NAME.key (0600)
// The CA signs end certificates only (path length 0). A certificate begins 5 minutes before `now`, for clocks that differ, and never outlives
// its CA. Every file is written whole: temporary name, sync, rename, sync of the directory; nothing is overwritten without `force`.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/io/directory.h"

namespace nezu::tls::pki {

struct CaOptions {
  std::string common_name = "Nezuban CA";
  Seconds lifetime{10 * 365 * 86400L};
  bool force = false;
};
// Makes the directory where it isn't there. already_exists where a CA is there already.
Status init(const std::string& directory, const CaOptions& options, WallTime now);
Status init(io::Directory& directory, const CaOptions& options, WallTime now);

enum class Role { manager, probe, client };  // manager: server authentication; probe, client: client authentication
struct IssueOptions {
  std::string name;  // common name, and the files' name: 1–63 of [A-Za-z0-9._-], not "ca", no "." in front
  Role role = Role::probe;
  std::vector<std::string> hosts;  // DNS names or IP addresses, for subjectAltName; a manager needs at least one
  Seconds lifetime{825 * 86400L};
  bool force = false;
};
// not_found where there is no CA; invalid_argument names what is wrong with the options.
Status issue(const std::string& directory, const IssueOptions& options, WallTime now);
Status issue(io::Directory& directory, const IssueOptions& options, WallTime now);

struct CertificateInfo {
  std::string file, subject, issuer, serial;
  std::vector<std::string> hosts;
  WallTime not_before, not_after;
  bool is_ca = false;
  bool for_server = false, for_client = false;  // extended key usage
  std::string fingerprint;                      // SHA-256 of the certificate, hexadecimal
};
Result<CertificateInfo> inspect(const std::string& file);
Result<std::vector<CertificateInfo>> list(const std::string& directory);  // *.crt, by name; one that can't be read is an Error

}  // namespace nezu::tls::pki
