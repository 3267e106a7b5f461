// Definitions: what is watched. A service = hosts, ports, path prefixes; inside it web transactions = conditions on a request.
//
// Values, validated on the way in: a Service that was parsed is right. Hosts and header names are lowered on the way in, methods raised. Text forms: YAML (nezuctl service apply -f; strict: an unknown key is an
// error with line and column) and JSON (API); both give the same value, and export ∘ import is the identity.
//
//   apiVersion: nezuban/v1
//   services:
//     - group: shop
//       name: checkout
//       probes: [edge]                # logical probes that watch it; left out: all
//       hosts: [shop.example.net, "*.shop.example.net"]   # left out: any host
//       ports: [80, 8080]             # server's TCP ports; left out: any port that the probe reads
//       paths: [/checkout]            # prefixes; left out: any path
//       errors: [404, 429]            # 4xx statuses that count as errors beside 5xx; left out: none
//       transactions:
//         - name: pay
//           methods: [POST]
//           path: {prefix: /checkout/pay}      # or {exact: …} or {contains: …} or {suffix: …}
//           query: {step: "2"}                 # each named parameter has this value; "*" = is there
//           headers: {X-Channel: mobile}
//           cookies: {ab: b}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/json/json.h"

namespace nezu::definition {

// More than these is refused.
inline constexpr std::size_t kMaxServices = 1'000;       // in a file
inline constexpr std::size_t kMaxTransactions = 10'000;  // in a service
inline constexpr std::size_t kMaxItems = 1'000;          // in any other list or map
inline constexpr std::size_t kMaxTextBytes = 1'024;      // of a path or a value

struct PathCondition {
  enum class Kind { any, exact, prefix, suffix, contains };
  Kind kind = Kind::any;
  std::string value;
  friend bool operator==(const PathCondition&, const PathCondition&) = default;
};

struct WebTransaction {
  std::string name;                  // unique in the service; not "all"
  std::vector<std::string> methods;  // upper case; empty: any
  PathCondition path;
  std::map<std::string, std::string> query;    // "*": the parameter is there
  std::map<std::string, std::string> headers;  // names in lower case
  std::map<std::string, std::string> cookies;
  friend bool operator==(const WebTransaction&, const WebTransaction&) = default;
};

// Names (of groups, services, web transactions, probes): 1–63 letters and digits of any script, and . _ -
struct Service {
  std::string group;                  // may be empty
  std::string name;                   // unique in the group
  std::vector<std::string> probes;    // empty: all logical probes
  std::vector<std::string> hosts;     // lower case, without port, IPv6 in brackets; "*.x" matches any label sequence before .x; empty: any
  std::vector<std::uint16_t> ports;   // empty: any
  std::vector<std::string> paths;     // prefixes that begin with "/"; empty: any
  std::vector<std::uint16_t> errors;  // 400–499
  std::vector<WebTransaction> transactions;

  // "group/name", or "name" where the group is empty.
  std::string full_name() const;
  friend bool operator==(const Service&, const Service&) = default;
};

// The built-in target of each service: every request to it.
inline constexpr std::string_view kAllWebAccess = "all";

// Whether a value holds all of the rules above. Error: names the field, what was found and what is wanted.
Status validate(const Service& service);
// Rules by themselves, for other users of names and hosts. Errors say what is wanted.
Status check_name(std::string_view name);
Status check_host_pattern(std::string_view pattern);

// A whole file of services. `file` is for messages only: "FILE:LINE:COLUMN: services[0].ports[1]: 70000: wanted a port, 1–65535".
Result<std::vector<Service>> parse_yaml(std::string_view text, const std::string& file);
std::string to_yaml(const std::vector<Service>& services);

// One service as a JSON object (the API's form), same keys as YAML.
Result<Service> parse_json(std::string_view text);
std::string to_json(const Service& service);
Result<Service> from_value(const json::Value& value);
json::Value to_value(const Service& service);

// What `apply` would change, for people, a line each: "ports: [80] → [80, 8080]", "transactions.pay: added". Empty: the two are equal.
std::vector<std::string> differences(const Service& before, const Service& after);

}  // namespace nezu::definition
