// Summary: what `nezu-probe analyze` tells of a capture: figures per host, and of everything. Bounded: hosts beyond `max_hosts` are added
// up under "(other)". Not for sharing between threads: each worker has its own, and they are merged.
//
// Counted as transactions: requests that were answered, or that failed (reset, closed, timed out). A request whose answer the capture
// missed is `unmeasured`; a response whose request was not seen is no transaction. Error: 5xx, or failed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/keyed_hash.h"
#include "common/base/time.h"
#include "model/sketch/histogram.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::report {

struct HostFigures {
  std::string host;
  std::uint64_t transactions = 0;
  std::uint64_t errors = 0;
  std::uint64_t unmeasured = 0;
  std::uint64_t timed = 0;  // transactions with a response time
  Nanos response_time_sum{0};
  Nanos response_time_max{0};
  sketch::Histogram response_time;
  Nanos ttfb_sum{0};
  sketch::Histogram ttfb;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;

  void add(const Transaction& transaction);
  void merge(const HostFigures& other);
  Nanos average() const { return timed == 0 ? Nanos(0) : response_time_sum / static_cast<std::int64_t>(timed); }
};

class Summary {
 public:
  Summary(std::size_t max_hosts, const HashKey& key);
  ~Summary();
  Summary(Summary&&) noexcept;
  Summary& operator=(Summary&&) = delete;

  void add(const Transaction& transaction);
  void merge(const Summary& other);

  // By transactions, most first; then by name. "(other)", if there is one, comes last.
  std::vector<const HostFigures*> hosts() const;
  HostFigures total() const;
  bool has_other() const;

  // Of the transactions: the first byte of the first request to the last byte (or decision) of the last. Zero where there were none.
  PacketTime begin() const;
  PacketTime end() const;
  double seconds() const { return to_seconds(end() - begin()); }

 private:
  struct Table;
  HostFigures& figures_of(std::string_view host);
  std::unique_ptr<Table> table_;
};

}  // namespace nezu::probe::report
