#include "manager/store/loaded.h"

#include <algorithm>

namespace nezu::store {

namespace {
template <class Row>
void replace_row(std::vector<Row>& rows, const Row& row) {
  auto at = std::lower_bound(rows.begin(), rows.end(), row.id, [](const Row& r, auto id) { return r.id < id; });
  if (at != rows.end() && at->id == row.id) {
    *at = row;
  } else {
    rows.insert(at, row);
  }
}
}  // namespace

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::information: return "information";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
  }
  return "unknown";
}

void note_record(Loaded::Covered& covered, const window::Record& record) {
  if (covered.recent_spans.empty() || record.span.end > covered.stored_until) {
    covered.stored_until = record.span.end;
    covered.last_instance = record.instance;
    covered.last_epoch = record.epoch;
  }
  window::Spans& spans = covered.recent_spans;
  if (!spans.empty() && spans.back().end == record.span.begin) {
    spans.back().end = record.span.end;
  } else if (spans.empty() || spans.back().end < record.span.begin) {
    spans.push_back(record.span);
  } else {
    spans.push_back(record.span);
    spans = window::normalise(std::move(spans));
  }
}

void apply_rows(Loaded& loaded, const WriteBatch& batch) {
  for (const auto& [key, value] : batch.state) {
    if (value) {
      loaded.state[key] = *value;
    } else {
      loaded.state.erase(key);
    }
  }
  for (const ServiceRow& row : batch.services) {
    replace_row(loaded.services, row);
    loaded.next_service_id = std::max<std::uint64_t>(loaded.next_service_id, row.id + 1);
    loaded.next_target_id = std::max<std::uint64_t>(loaded.next_target_id, row.all_target + 1);
    for (const auto& [name, id] : row.targets) loaded.next_target_id = std::max<std::uint64_t>(loaded.next_target_id, id + 1);
  }
  for (const MonitoringSpan& row : batch.monitoring) {
    replace_row(loaded.monitoring, row);
    loaded.next_monitoring_id = std::max(loaded.next_monitoring_id, row.id + 1);
  }
  for (const FailoverRecord& row : batch.failovers) {
    replace_row(loaded.failovers, row);
    loaded.next_failover_id = std::max(loaded.next_failover_id, row.id + 1);
  }
  for (const Event& row : batch.events) {
    replace_row(loaded.events, row);
    loaded.next_event_id = std::max(loaded.next_event_id, row.id + 1);
  }
  for (const DiscoveryRow& row : batch.discoveries) {
    replace_row(loaded.discoveries, row);
    loaded.next_discovery_id = std::max(loaded.next_discovery_id, row.id + 1);
  }
  for (const std::uint64_t id : batch.discoveries_deleted) {
    std::erase_if(loaded.discoveries, [id](const DiscoveryRow& row) { return row.id == id; });
  }
}

}  // namespace nezu::store
