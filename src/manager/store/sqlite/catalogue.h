// Rows of the catalogue: states, services, monitoring spans, failovers, events, discoveries (discoveries.h). Small, rarely written; kept row by row.
#pragma once

#include "manager/store/sqlite/connection.h"
#include "manager/store/store.h"

namespace nezu::store::sqlite {

// Writes a batch's rows (all but its records). Within the caller's transaction.
Status write_catalogue(Connection& connection, const WriteBatch& batch);

// Reads all but `covered` and `clean_stop`. A row that can't be read is left out and named in `damaged` (one line each).
Status read_catalogue(Connection& connection, Loaded& loaded, std::vector<std::string>& damaged);

// Deletes up to `limit` of the oldest closed events and failovers beyond the newest `keep`. How many were deleted.
Result<std::int64_t> trim_catalogue(Connection& connection, std::int64_t keep, std::int64_t limit);

// A failover as JSON text, and back. For tests too.
std::string failover_to_json(const FailoverRecord& record);
Result<FailoverRecord> failover_from_json(std::uint64_t id, std::string_view text);

}  // namespace nezu::store::sqlite
