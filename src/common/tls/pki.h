// A small certificate authority in a directory, for `nezuctl pki`. ECDSA P-256, SHA-256.
//   DIR/ca.crt  DIR/ca.key (0600)  DIR/NAME.crt  DIR/NAME.key (0600)
// Every file is written whole: temporary name, sync, rename, sync of the directory; nothing is overwritten without `force`.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace nezu::tls::pki {

struct CaOptions {
  std::string common_name = "Nezuban CA";
  Seconds lifetime{10 * 365 * 86400L};
  bool force = false;
};
Status init(const std::string& directory, const CaOptions& options, WallTime now);

enum class Role { manager, probe, client };  // manager: server authentication; probe, client: client authentication
struct IssueOptions {
  std::string name;                // common name, and the files' name: 1–63 of [A-Za-z0-9._-]
  Role role = Role::probe;
  std::vector<std::string> hosts;  // DNS names or IP addresses, for subjectAltName (manager)
  Seconds lifetime{825 * 86400L};
  bool force = false;
};
Status issue(const std::string& directory, const IssueOptions& options, WallTime now);

struct CertificateInfo {
  std::string file, subject, issuer, serial;
  std::vector<std::string> hosts;
  WallTime not_before, not_after;
  bool is_ca = false;
};
Result<CertificateInfo> inspect(const std::string& file);
Result<std::vector<CertificateInfo>> list(const std::string& directory);  // *.crt, by name

}  // namespace nezu::tls::pki
