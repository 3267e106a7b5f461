// match: which targets a transaction belongs to. Definitions are compiled once into a Matcher, which never changes afterwards and is
// shared by all workers; the index finds a service by host, then by path prefix or port, and its web transactions by their rarest condition,
// so that ten thousand definitions cost hardly more than one.
//
// Targets are numbered densely in the order of definition: each service's all web access, then its web transactions:
//   service 0: all = 0, transactions 1 … n;  service 1: all = n + 1, …
//
// Rules. A request belongs to a service if its host is one of `hosts` ("*.x": any name that ends in ".x"), its server's port one of
// `ports`, and its path begins with one of `paths`; an empty list asks nothing. Hosts are compared without case and without a trailing dot.
// The path is the request target up to "?" or "#", as sent. A web transaction's conditions must all hold. Query parameters are compared after
// percent-decoding, "+" as a space; names of headers without case, values without the blanks around them; "*" asks only that
// the thing is there. A response without its request (Completeness::no_request) is no transaction and belongs nowhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/definition/service.h"
#include "probe/match/key_table.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::match {

using Target = std::uint32_t;  // dense, see above

// What one match needs beside the Matcher; each worker keeps its own, so that nothing is allocated once it has grown.
struct Scratch {
  std::string host;
  std::vector<std::uint32_t> services;
  std::vector<std::pair<std::string, std::string>> query;  // decoded; the first `query_used` are valid
  std::size_t query_used = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::size_t headers_used = 0;
  std::vector<std::pair<std::string_view, std::string_view>> cookies;  // views into `headers`
  bool query_parsed = false, headers_parsed = false;
};

class Matcher {
 public:
  // REQUIRES: each service is valid (definition::validate).
  explicit Matcher(std::vector<definition::Service> services);
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;
  ~Matcher();

  // Puts the targets that the transaction belongs to into `targets` (cleared first): each once, a service's all web access before its web
  // transactions. Of a service found by several of its hosts or prefixes there is one.
  void match(const Transaction& transaction, Scratch& scratch, std::vector<Target>& targets) const;

  std::size_t target_count() const { return service_of_.size(); }
  std::size_t service_count() const { return services_.size(); }
  const definition::Service& service(std::size_t index) const { return services_[index]; }
  // REQUIRES: target < target_count()
  std::uint32_t service_of(Target target) const { return service_of_[target]; }
  Target first_target(std::size_t service_index) const { return first_target_[service_index]; }

 private:
  struct ServiceIndex;
  void find_services(const Transaction& t, std::string_view path, Scratch& s) const;
  void find_transactions(std::uint32_t service, const Transaction& t, std::string_view path, Scratch& s, std::vector<Target>& out) const;
  void add_to_node(std::uint32_t node, std::uint32_t service);

  // Services that share a host condition, found by path prefix, else by port, else looked at always.
  struct HostNode {
    KeyTable prefixes;
    Lengths prefix_lengths;
    KeyTable ports;
    std::vector<std::uint32_t> always;
  };
  void look_in(const HostNode& node, const Transaction& t, std::string_view path, std::vector<std::uint32_t>& found) const;

  std::vector<definition::Service> services_;
  std::vector<std::uint32_t> service_of_;
  std::vector<Target> first_target_;
  std::vector<std::unique_ptr<ServiceIndex>> indexes_;  // null: few transactions, tried one by one
  std::vector<HostNode> nodes_;                         // [0]: any host
  KeyTable exact_hosts_, wildcard_hosts_;               // hash of the host → node
  std::vector<std::string> node_hosts_;                 // of each node, to tell a collision ("*.x" for a wildcard)
};

// The same answer by trying every definition, in the plainest way: the oracle of tests, and the other side of benchmarks.
void match_naively(const std::vector<definition::Service>& services, const Transaction& transaction, std::vector<Target>& targets);

}  // namespace nezu::probe::match
