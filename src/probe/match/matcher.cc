#include "probe/match/matcher.h"

#include <algorithm>
#include <unordered_map>

#include "probe/match/condition.h"
#include "probe/match/substrings.h"

namespace nezu::probe::match {
namespace {

using Kind = definition::PathCondition::Kind;

// Below this many web transactions, trying them one by one is quicker than any table.
constexpr std::size_t kIndexFrom = 9;

std::uint64_t pair_key(char kind, std::string_view name, std::string_view value) {
  return hash_text(value, hash_byte(hash_text(name, hash_byte(kHashStart, kind)), '\0'));
}
std::uint64_t name_key(char kind, std::string_view name) { return hash_text(name, hash_byte(hash_byte(kHashStart, kind), '*')); }

// A condition by which a web transaction can be found. Lower rank = cheaper to look up.
struct Anchor {
  enum class Kind { exact, prefix, suffix, query, header, cookie, contains, method, none } kind = Kind::none;
  std::uint64_t key = 0;
  const std::string* text = nullptr;  // of contains
};

std::vector<Anchor> anchors_of(const definition::WebTransaction& w) {
  std::vector<Anchor> out;
  const std::string& path = w.path.value;
  if (w.path.kind == Kind::exact) out.push_back({Anchor::Kind::exact, hash_text(path), nullptr});
  if (w.path.kind == Kind::prefix) out.push_back({Anchor::Kind::prefix, hash_text(path), nullptr});
  if (w.path.kind == Kind::suffix) out.push_back({Anchor::Kind::suffix, hash_text_backwards(path), nullptr});
  const auto add_pairs = [&](const std::map<std::string, std::string>& pairs, Anchor::Kind kind, char c) {
    for (const auto& [name, value] : pairs) out.push_back({kind, value == "*" ? name_key(c, name) : pair_key(c, name, value), nullptr});
  };
  add_pairs(w.query, Anchor::Kind::query, 'q');
  add_pairs(w.headers, Anchor::Kind::header, 'h');
  add_pairs(w.cookies, Anchor::Kind::cookie, 'c');
  if (w.path.kind == Kind::contains && !path.empty()) out.push_back({Anchor::Kind::contains, hash_text(path), &path});
  if (w.methods.size() == 1) out.push_back({Anchor::Kind::method, hash_text(w.methods[0]), nullptr});
  if (out.empty()) out.push_back({});
  return out;
}

}  // namespace

struct Matcher::ServiceIndex {
  KeyTable exact, prefixes, suffixes, queries, headers, cookies, methods;
  Lengths prefix_lengths, suffix_lengths;
  Substrings contains;
  std::vector<std::uint32_t> always;

  explicit ServiceIndex(const std::vector<definition::WebTransaction>& transactions) {
    // Each goes under its rarest condition: ten thousand that share a path and differ in a parameter are found by the parameter.
    std::unordered_map<std::uint64_t, std::uint32_t> uses;
    const auto id = [](const Anchor& a) { return a.key * 31 + static_cast<std::uint64_t>(a.kind); };
    for (const auto& w : transactions) {
      for (const Anchor& a : anchors_of(w)) ++uses[id(a)];
    }
    for (std::uint32_t i = 0; i < transactions.size(); ++i) {
      const std::vector<Anchor> anchors = anchors_of(transactions[i]);
      put(*std::min_element(
              anchors.begin(), anchors.end(),
              [&](const Anchor& a, const Anchor& b) { return std::pair(uses[id(a)], a.kind) < std::pair(uses[id(b)], b.kind); }),
          transactions[i], i);
    }
    for (KeyTable* t : {&exact, &prefixes, &suffixes, &queries, &headers, &cookies, &methods}) {
      if (!t->empty()) t->seal();
    }
    contains.seal();
  }

 private:
  void put(const Anchor& a, const definition::WebTransaction& w, std::uint32_t i) {
    switch (a.kind) {
      case Anchor::Kind::exact: exact.add(a.key, i); break;
      case Anchor::Kind::prefix:
        prefixes.add(a.key, i);
        prefix_lengths.add(w.path.value.size());
        break;
      case Anchor::Kind::suffix:
        suffixes.add(a.key, i);
        suffix_lengths.add(w.path.value.size());
        break;
      case Anchor::Kind::query: queries.add(a.key, i); break;
      case Anchor::Kind::header: headers.add(a.key, i); break;
      case Anchor::Kind::cookie: cookies.add(a.key, i); break;
      case Anchor::Kind::contains: contains.add(*a.text, i); break;
      case Anchor::Kind::method: methods.add(a.key, i); break;
      case Anchor::Kind::none: always.push_back(i); break;
    }
  }
};

Matcher::~Matcher() = default;

Matcher::Matcher(std::vector<definition::Service> services) : services_(std::move(services)), nodes_(1), node_hosts_(1) {
  for (std::uint32_t i = 0; i < services_.size(); ++i) {
    first_target_.push_back(static_cast<Target>(service_of_.size()));
    service_of_.insert(service_of_.end(), 1 + services_[i].transactions.size(), i);
    indexes_.push_back(services_[i].transactions.size() < kIndexFrom ? nullptr : std::make_unique<ServiceIndex>(services_[i].transactions));
  }
  std::unordered_map<std::string, std::uint32_t> node_of;
  for (std::uint32_t i = 0; i < services_.size(); ++i) {
    if (services_[i].hosts.empty()) add_to_node(0, i);
    for (const std::string& host : services_[i].hosts) {
      const auto [it, is_new] = node_of.emplace(host, static_cast<std::uint32_t>(nodes_.size()));
      if (is_new) {
        nodes_.emplace_back();
        node_hosts_.push_back(host);
        const bool wild = host.substr(0, 2) == "*.";
        if (wild)
          wildcard_hosts_.add(hash_text_backwards(std::string_view(host).substr(1)), it->second);
        else
          exact_hosts_.add(hash_text(host), it->second);
      }
      add_to_node(it->second, i);
    }
  }
  exact_hosts_.seal();
  wildcard_hosts_.seal();
  for (HostNode& node : nodes_) {
    if (!node.prefixes.empty()) node.prefixes.seal();
    if (!node.ports.empty()) node.ports.seal();
  }
}

void Matcher::add_to_node(std::uint32_t index, std::uint32_t service) {
  HostNode& node = nodes_[index];
  const definition::Service& s = services_[service];
  if (!s.paths.empty()) {
    for (const std::string& path : s.paths) {
      node.prefixes.add(hash_text(path), service);
      node.prefix_lengths.add(path.size());
    }
  } else if (!s.ports.empty()) {
    for (const std::uint16_t port : s.ports) node.ports.add(port, service);
  } else {
    node.always.push_back(service);
  }
}

void Matcher::look_in(const HostNode& node, const Transaction& t, std::string_view path, std::vector<std::uint32_t>& found) const {
  const auto take = [&](std::span<const std::uint32_t> candidates) {
    for (const std::uint32_t index : candidates) {
      const definition::Service& s = services_[index];
      if (!s.ports.empty() && std::find(s.ports.begin(), s.ports.end(), t.server.port) == s.ports.end()) continue;
      if (!s.paths.empty() &&
          std::none_of(s.paths.begin(), s.paths.end(), [&](const std::string& p) { return path.substr(0, p.size()) == p; })) {
        continue;
      }
      found.push_back(index);
    }
  };
  if (!node.prefixes.empty()) for_prefixes(path, node.prefix_lengths, [&](std::uint64_t h) { take(node.prefixes.find(h)); });
  if (!node.ports.empty()) take(node.ports.find(t.server.port));
  take(node.always);
}

void Matcher::find_services(const Transaction& t, std::string_view path, Scratch& s) const {
  s.services.clear();
  look_in(nodes_[0], t, path, s.services);
  if (nodes_.size() > 1) {
    normalise_host(t.host, s.host);
    const auto look = [&](std::span<const std::uint32_t> nodes) {
      for (const std::uint32_t n : nodes) {
        if (host_matches(node_hosts_[n], s.host)) look_in(nodes_[n], t, path, s.services);
      }
    };
    look(exact_hosts_.find(hash_text(s.host)));
    if (!wildcard_hosts_.empty()) {
      std::uint64_t h = kHashStart;
      for (std::size_t i = s.host.size(); i > 1; --i) {
        h = hash_byte(h, s.host[i - 1]);
        if (s.host[i - 1] == '.') look(wildcard_hosts_.find(h));
      }
    }
  }
  if (s.services.size() > 1) {
    std::sort(s.services.begin(), s.services.end());
    s.services.erase(std::unique(s.services.begin(), s.services.end()), s.services.end());
  }
}

void Matcher::find_transactions(std::uint32_t index, const Transaction& t, std::string_view path, Scratch& s,
                                std::vector<Target>& out) const {
  const auto& list = services_[index].transactions;
  const Target first = first_target_[index] + 1;
  if (!indexes_[index]) {
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      if (transaction_matches(list[i], t, path, s)) out.push_back(first + i);
    }
    return;
  }
  const ServiceIndex& x = *indexes_[index];
  const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(out.size());
  const auto try_one = [&](std::uint32_t i) {
    if (transaction_matches(list[i], t, path, s)) out.push_back(first + i);
  };
  const auto try_all = [&](std::span<const std::uint32_t> candidates) {
    for (const std::uint32_t i : candidates) try_one(i);
  };
  if (!x.exact.empty()) try_all(x.exact.find(hash_text(path)));
  if (!x.prefixes.empty()) for_prefixes(path, x.prefix_lengths, [&](std::uint64_t h) { try_all(x.prefixes.find(h)); });
  if (!x.suffixes.empty()) for_suffixes(path, x.suffix_lengths, [&](std::uint64_t h) { try_all(x.suffixes.find(h)); });
  if (!x.queries.empty()) {
    need_query(t, s);
    for (std::size_t i = 0; i < s.query_used; ++i) {
      try_all(x.queries.find(pair_key('q', s.query[i].first, s.query[i].second)));
      try_all(x.queries.find(name_key('q', s.query[i].first)));
    }
  }
  if (!x.headers.empty() || !x.cookies.empty()) {
    need_headers(t, s);
    for (std::size_t i = 0; i < s.headers_used; ++i) {
      try_all(x.headers.find(pair_key('h', s.headers[i].first, s.headers[i].second)));
      try_all(x.headers.find(name_key('h', s.headers[i].first)));
    }
    for (const auto& [name, value] : s.cookies) {
      try_all(x.cookies.find(pair_key('c', name, value)));
      try_all(x.cookies.find(name_key('c', name)));
    }
  }
  if (!x.contains.empty()) x.contains.find(path, try_one);
  if (!x.methods.empty()) try_all(x.methods.find(hash_text(t.method)));
  try_all(x.always);
  if (out.size() - static_cast<std::size_t>(begin) > 1) {
    std::sort(out.begin() + begin, out.end());
    out.erase(std::unique(out.begin() + begin, out.end()), out.end());
  }
}

void Matcher::match(const Transaction& transaction, Scratch& scratch, std::vector<Target>& targets) const {
  targets.clear();
  if (transaction.completeness == Completeness::no_request) return;
  forget_request(scratch);
  const std::string_view path = path_of(transaction.uri);
  find_services(transaction, path, scratch);
  for (const std::uint32_t index : scratch.services) {
    targets.push_back(first_target_[index]);
    if (!services_[index].transactions.empty()) find_transactions(index, transaction, path, scratch, targets);
  }
}

void match_naively(const std::vector<definition::Service>& services, const Transaction& t, std::vector<Target>& targets) {
  targets.clear();
  if (t.completeness == Completeness::no_request) return;
  Scratch scratch;
  normalise_host(t.host, scratch.host);
  const std::string_view path = path_of(t.uri);
  Target next = 0;
  for (const definition::Service& s : services) {
    const Target first = next;
    next += static_cast<Target>(1 + s.transactions.size());
    const auto any = [](const auto& list, auto holds) { return list.empty() || std::any_of(list.begin(), list.end(), holds); };
    if (!any(s.hosts, [&](const std::string& h) { return host_matches(h, scratch.host); })) continue;
    if (!any(s.ports, [&](std::uint16_t p) { return p == t.server.port; })) continue;
    if (!any(s.paths, [&](const std::string& p) { return path.substr(0, p.size()) == p; })) continue;
    targets.push_back(first);
    for (std::size_t i = 0; i < s.transactions.size(); ++i) {
      if (transaction_matches(s.transactions[i], t, path, scratch)) targets.push_back(first + 1 + static_cast<Target>(i));
    }
  }
}

}  // namespace nezu::probe::match
