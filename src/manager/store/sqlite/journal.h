// Journal rows: all records of one commit, as they came (docs/formats/store.md). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "manager/store/store.h"

namespace nezu::store::sqlite {

// `padding`: bytes of zeros behind the records, to try whether there is room for a row of a size.
struct JournalEntry {
  std::string_view logical_probe;
  std::string_view record;  // bytes that wire::decode_record() accepts
};
std::string encode_journal(const std::vector<JournalEntry>& records, std::size_t padding = 0);
// Views into `bytes`. corrupt: nothing of the row is used.
Result<std::vector<JournalEntry>> decode_journal(std::string_view bytes);

}  // namespace nezu::store::sqlite
