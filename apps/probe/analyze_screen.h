// What `analyze` writes: lines and tables to standard output, and whether that is a terminal.
#pragma once

#include <string>
#include <string_view>

#include "common/base/mutex.h"
#include "common/base/result.h"
#include "probe/report/summary_text.h"

namespace nezu::probe_app {

class Output {
 public:
  // Standard output.
  Output();

  // All of it, from any thread. False: nobody reads any more, or the disk is full: failure() tells which.
  bool write(std::string_view text);
  // Why writing failed; nothing where the reader went away (a pipe into `head`).
  Status failure() const;

  bool is_terminal() const { return terminal_; }
  // As the terminal is now; 120 columns and all rows where there is none.
  probe::report::TableOptions table_options(bool whole) const;

  // A table that stands where the last one stood; on a terminal.
  bool redraw(const std::string& text);

 private:
  mutable Mutex mutex_;
  bool terminal_;
  int failed_ NEZU_GUARDED_BY(mutex_) = 0;  // errno
};

}  // namespace nezu::probe_app
