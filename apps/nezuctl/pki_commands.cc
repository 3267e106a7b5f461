#include <chrono>

#include "common/base/text.h"
#include "common/tls/pki.h"
#include "nezuctl/commands.h"

namespace nezuctl {

namespace pki = nezu::tls::pki;

namespace {

constexpr std::int64_t kSoonNs = 30LL * 86400 * 1'000'000'000;  // a certificate that ends within 30 days is pointed out

Result<nezu::Seconds> lifetime_of(const PkiOptions& options, nezu::Seconds otherwise) {
  if (options.lifetime.empty()) return otherwise;
  const auto lifetime = nezu::parse_duration(options.lifetime);
  if (!lifetime) return lifetime.error().in("--lifetime");
  return std::chrono::duration_cast<nezu::Seconds>(*lifetime);
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? kNothing : text;
}

const char* use_of(const pki::CertificateInfo& info) {
  if (info.is_ca) return "CA";
  if (info.for_server) return info.for_client ? "manager, probe" : "manager";
  return info.for_client ? "probe or client" : "none";
}

Cell ends(const Context& context, const pki::CertificateInfo& info) {
  const std::int64_t end = nezu::to_ns(info.not_after), now = context.now_ns;
  const std::string text = context.zone.text(end);
  if (end <= now) return Cell(text + " (expired)", Style::bad);
  const std::string left = " (in " + seconds_text(static_cast<double>((end - now) / 1'000'000'000)) + ")";
  return Cell(text + left, end - now < kSoonNs ? Style::warning : Style::plain);
}

json::Value to_json(const pki::CertificateInfo& info) {
  json::Value value;
  json::Array hosts;
  for (const std::string& host : info.hosts) hosts.emplace_back(host);
  value.set("file", info.file).set("subject", info.subject).set("issuer", info.issuer).set("use", use_of(info)).set("serial", info.serial);
  value.set("hosts", std::move(hosts)).set("not_before", nezu::format_rfc3339(nezu::to_ns(info.not_before)));
  value.set("not_after", nezu::format_rfc3339(nezu::to_ns(info.not_after))).set("fingerprint_sha256", info.fingerprint);
  return value;
}

}  // namespace

Result<int> pki_init(const Context& context, const PkiOptions& options) {
  const auto lifetime = lifetime_of(options, pki::CaOptions().lifetime);
  if (!lifetime) return lifetime.error();
  const Status made = pki::init(options.directory, {.common_name = options.common_name, .lifetime = *lifetime, .force = options.force},
                                nezu::wall_time_ns(context.now_ns));
  if (!made) return made.error();
  context.print("made the CA \"" + printable(options.common_name) + "\": " + options.directory +
                "/ca.crt, and its key ca.key (keep it off the machines that run daemons)\n");
  return kWell;
}

Result<int> pki_issue(const Context& context, const PkiOptions& options) {
  pki::IssueOptions issue;
  const auto lifetime = lifetime_of(options, issue.lifetime);
  if (!lifetime) return lifetime.error();
  issue.name = options.name;
  issue.hosts = options.hosts;
  issue.lifetime = *lifetime;
  issue.force = options.force;
  issue.role = options.role == "manager" ? pki::Role::manager : options.role == "probe" ? pki::Role::probe : pki::Role::client;
  const Status made = pki::issue(options.directory, issue, nezu::wall_time_ns(context.now_ns));
  if (!made && made.error().code() == ErrorCode::not_found)
    return Error(ErrorCode::not_found, made.error().message() + "; make one with: nezuctl pki init --dir " + options.directory);
  if (!made) return made.error();
  context.print("issued " + options.directory + "/" + options.name + ".crt and " + options.name + ".key for a " + options.role + "\n");
  return kWell;
}

Result<int> pki_list(const Context& context, const PkiOptions& options) {
  const auto all = pki::list(options.directory);
  if (!all) return all.error();
  if (options.json) {
    json::Array certificates;
    for (const pki::CertificateInfo& info : *all) certificates.push_back(to_json(info));
    json::Value value;
    value.set("certificates", std::move(certificates));
    context.print_json(value);
    return kWell;
  }
  Table table({{"FILE"}, {"NAME"}, {"USE"}, {"HOSTS"}, {"ENDS (" + context.zone.name() + ")"}}, context.out.colour());
  for (const pki::CertificateInfo& info : *all) table.row({info.file, info.subject, use_of(info), joined(info.hosts), ends(context, info)});
  context.print(table.empty() ? "no certificates in " + options.directory + "\n" : table.text(context.out.columns()));
  return kWell;
}

Result<int> pki_show(const Context& context, const PkiOptions& options) {
  // A file, or a name in the directory.
  const std::string& name = options.name;
  const bool is_file = name.find('/') != std::string::npos ||
                       (name.size() > 4 && (name.substr(name.size() - 4) == ".crt" || name.substr(name.size() - 4) == ".pem"));
  const auto info = pki::inspect(is_file ? name : options.directory + "/" + name + ".crt");
  if (!info) return info.error();
  if (options.json) {
    context.print_json(to_json(*info));
    return kWell;
  }
  Sheet sheet(context.out.colour());
  sheet.heading(info->file);
  sheet.line("name", info->subject);
  sheet.line("issuer", info->issuer);
  sheet.line("use", use_of(*info));
  sheet.line("hosts", joined(info->hosts));
  sheet.line("valid from", context.zone.text(nezu::to_ns(info->not_before)) + " " + context.zone.name());
  sheet.line("valid until", ends(context, *info));
  sheet.line("serial", info->serial);
  sheet.line("SHA-256", info->fingerprint);
  context.print(sheet.text());
  return kWell;
}

}  // namespace nezuctl
