// A Summary for people (a table), for programs (JSON), for spreadsheets (CSV), with what became of the frames that made it.
#pragma once

#include <string>

#include "model/window/counters.h"
#include "probe/report/summary.h"

namespace nezu::probe::report {

// What stands below the table: everything that was received and not measured, and why.
struct Losses {
  window::Counters counters;
  std::uint64_t own_copies = 0;  // loopback: second copies left out
};

struct TableOptions {
  int columns = 120;     // of the terminal; the host's column takes what the others leave, 16 to 48
  std::size_t rows = 0;  // hosts shown; the rest is told in one line; 0: all
};

// The table, its total, and the block of losses where there were any. Ends with a newline. Host names are made safe for a terminal.
std::string summary_table(const Summary& summary, const Losses& losses, const TableOptions& options);

// One object: begin, end (RFC 3339, null where nothing was seen), seconds, hosts [...], total, counters. Times in seconds, null where
// there is none. One line with a newline.
std::string summary_json(const Summary& summary, const Losses& losses);

// A header line, a line a host, and the total under the host "(total)".
std::string summary_csv(const Summary& summary);

// "850 µs", "12.3 ms", "1.25 s", "2 min 3 s": three figures, for people.
std::string human_time(Nanos d);
// "512 B", "1.5 KiB", "20.1 MiB".
std::string human_bytes(std::uint64_t bytes);
// Spaces between groups of three: "1 234 567".
std::string human_count(std::uint64_t n);

}  // namespace nezu::probe::report
