// The database's tables (docs/formats/store.md), their version, and the lock that keeps a second process out.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/result.h"
#include "manager/store/resolution.h"
#include "manager/store/sqlite/connection.h"

namespace nezu::store::sqlite {

inline constexpr std::int64_t kApplicationId = 0x4E5A424E;  // "NZBN", in the file's header at offset 68
inline constexpr std::int64_t kSchemaVersion = 3;           // 1 and 2 were never released

// Whether the file is ours and of a version that this program reads. An empty database is. Errors: unsupported (another program's file, a
// newer version: both are named), corrupt.
Status check_schema(Connection& connection);
// The same, and creates the tables in an empty database. Writer only.
Status prepare_schema(Connection& connection);

// Names of the chunk tables by resolution: "chunk_1s", …
const char* chunk_table(Resolution resolution);

}  // namespace nezu::store::sqlite
