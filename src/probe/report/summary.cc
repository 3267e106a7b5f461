#include "probe/report/summary.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

namespace nezu::probe::report {
namespace {

constexpr std::string_view kOther = "(other)";

bool is_failed(const Transaction& t) {
  return t.completeness == Completeness::no_response &&
         (t.reason == Reason::reset || t.reason == Reason::closed || t.reason == Reason::timeout);
}

struct Hash {
  using is_transparent = void;
  KeyedHash keyed;
  std::size_t operator()(std::string_view text) const { return keyed(text); }
};

}  // namespace

void HostFigures::add(const Transaction& t) {
  const bool failed = is_failed(t);
  if (!t.has_response && !failed) {
    ++unmeasured;
    return;
  }
  ++transactions;
  errors += failed || t.status >= 500 ? 1 : 0;
  request_bytes += t.request_bytes;
  response_bytes += t.response_bytes;
  if (!t.has_times || !t.has_response) return;
  ++timed;
  const Nanos time = std::max(t.response_time(), Nanos(0));
  response_time_sum += time;
  response_time_max = std::max(response_time_max, time);
  response_time.add(time);
  ttfb_sum += t.ttfb();
  ttfb.add(t.ttfb());
}

void HostFigures::merge(const HostFigures& other) {
  transactions += other.transactions;
  errors += other.errors;
  unmeasured += other.unmeasured;
  timed += other.timed;
  response_time_sum += other.response_time_sum;
  response_time_max = std::max(response_time_max, other.response_time_max);
  response_time.merge(other.response_time);
  ttfb_sum += other.ttfb_sum;
  ttfb.merge(other.ttfb);
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
}

struct Summary::Table {
  Table(std::size_t max, const HashKey& key) : max_hosts(max), index(0, Hash{KeyedHash(key)}) {}

  std::size_t max_hosts;
  std::deque<HostFigures> hosts;  // their places don't move
  boost::unordered_flat_map<std::string_view, HostFigures*, Hash, std::equal_to<>> index;
  HostFigures other;
  HostFigures* last = nullptr;  // requests of one host often follow each other
  PacketTime begin = PacketTime::max();
  PacketTime end = PacketTime::min();
};

Summary::Summary(std::size_t max_hosts, const HashKey& key) : table_(std::make_unique<Table>(max_hosts, key)) {
  table_->other.host = kOther;
}
Summary::~Summary() = default;
Summary::Summary(Summary&&) noexcept = default;

HostFigures& Summary::figures_of(std::string_view host) {
  Table& t = *table_;
  if (t.last != nullptr && t.last->host == host) return *t.last;
  if (const auto found = t.index.find(host); found != t.index.end()) return *(t.last = found->second);
  if (t.hosts.size() >= t.max_hosts) return t.other;
  HostFigures& made = t.hosts.emplace_back();
  made.host = host;
  t.index.emplace(made.host, &made);
  return *(t.last = &made);
}

void Summary::add(const Transaction& transaction) {
  if (transaction.completeness == Completeness::no_request) return;
  if (transaction.has_request) table_->begin = std::min(table_->begin, transaction.request_begin);
  table_->end = std::max(table_->end, transaction.has_response ? transaction.response_end : transaction.decided);
  figures_of(transaction.host).add(transaction);
}

void Summary::merge(const Summary& other) {
  for (const HostFigures& host : other.table_->hosts) figures_of(host.host).merge(host);
  table_->other.merge(other.table_->other);
  table_->begin = std::min(table_->begin, other.table_->begin);
  table_->end = std::max(table_->end, other.table_->end);
}

std::vector<const HostFigures*> Summary::hosts() const {
  std::vector<const HostFigures*> out;
  for (const HostFigures& host : table_->hosts) out.push_back(&host);
  std::sort(out.begin(), out.end(), [](const HostFigures* a, const HostFigures* b) {
    return a->transactions != b->transactions ? a->transactions > b->transactions : a->host < b->host;
  });
  if (has_other()) out.push_back(&table_->other);
  return out;
}

HostFigures Summary::total() const {
  HostFigures sum;
  for (const HostFigures& host : table_->hosts) sum.merge(host);
  sum.merge(table_->other);
  return sum;
}

bool Summary::has_other() const { return table_->other.transactions + table_->other.unmeasured > 0; }
PacketTime Summary::begin() const { return table_->begin <= table_->end ? table_->begin : PacketTime{}; }
PacketTime Summary::end() const { return table_->begin <= table_->end ? table_->end : PacketTime{}; }

}  // namespace nezu::probe::report
