// Rows of discovery: jobs, one JSON text each, and what they have found, one row for each (job, host, port, path, method).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "manager/store/sqlite/connection.h"
#include "manager/store/store.h"

namespace nezu::store::sqlite {

// A batch's jobs, entries (added to those that are there) and deletions, in this order. Within the caller's transaction.
Status write_discoveries(Connection& connection, const WriteBatch& batch);

// All jobs, in order of their numbers, and next_discovery_id. A row that can't be read is left out and named in `damaged`.
Status read_discoveries(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged);

// Of one job, those with the most requests first.
Result<std::vector<DiscoveryEntry>> read_discovery_entries(Connection& connection, std::uint64_t discovery);

// A job as JSON text, and back. For tests too.
std::string discovery_to_json(const DiscoveryRow& row);
Result<DiscoveryRow> discovery_from_json(std::uint64_t id, std::string_view text);

}  // namespace nezu::store::sqlite
