#include "probe/analyze_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace nezu::probe_app {

Output::Output() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

bool Output::write(std::string_view text) {
  MutexLock lock(mutex_);
  while (!text.empty() && failed_ == 0) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      failed_ = errno;
    }
  }
  return failed_ == 0;
}

Status Output::failure() const {
  MutexLock lock(mutex_);
  if (failed_ == 0 || failed_ == EPIPE) return {};
  return Error::from_errno(failed_, "standard output");
}

probe::report::TableOptions Output::table_options(bool whole) const {
  probe::report::TableOptions options;
  winsize size{};
  if (!terminal_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return options;
  options.columns = size.ws_col;
  // Title, header and total, what was lost, and a line to spare.
  if (!whole) options.rows = static_cast<std::size_t>(std::max(3, size.ws_row - 16));
  return options;
}

bool Output::redraw(const std::string& text) { return write("\x1b[H\x1b[J" + text); }

}  // namespace nezu::probe_app
