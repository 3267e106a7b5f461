#include "nezuctl/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace nezuctl {

namespace {

constexpr int kEscapeMs = 30;  // an escape sequence's rest follows at once; a lone Esc doesn't

void put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool readable(int fd, int wait_ms) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, wait_ms) > 0;
}

}  // namespace

// Signals are blocked for the threads that are started later, and read here instead.
Screen::Screen() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  ::tcgetattr(STDIN_FILENO, &old_);
  termios raw = old_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  put("\x1b[?1049h\x1b[?25l\x1b[?7l");  // no wrapping: a line that is too long is cut
  measure();
}

Screen::~Screen() {
  put("\x1b[?7h\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSANOW, &old_);
  ::close(signals_);
}

void Screen::measure() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return;
  columns_ = size.ws_col;
  rows_ = size.ws_row;
}

Screen::Press Screen::press_of(char c) {
  constexpr char kCtrlC = 3, kCtrlD = 4, kEscape = 27;
  if (c == 'q' || c == 'Q' || c == kCtrlC || c == kCtrlD) return {Key::quit, 0};
  if (c == 'k') return {Key::up, 0};
  if (c == 'j') return {Key::down, 0};
  if (c == 'g') return {Key::home, 0};
  if (c == ' ') return {Key::page_down, 0};
  if (c != kEscape) return {Key::other, c};
  std::string sequence;
  char next = 0;
  while (sequence.size() < 8 && readable(STDIN_FILENO, kEscapeMs) && ::read(STDIN_FILENO, &next, 1) == 1) {
    sequence += next;
    if (sequence.size() > 1 && (next == '~' || (next >= 'A' && next <= 'Z'))) break;
  }
  if (sequence == "[A" || sequence == "OA") return {Key::up, 0};
  if (sequence == "[B" || sequence == "OB") return {Key::down, 0};
  if (sequence == "[5~") return {Key::page_up, 0};
  if (sequence == "[6~") return {Key::page_down, 0};
  if (sequence == "[H" || sequence == "[1~" || sequence == "OH") return {Key::home, 0};
  return {Key::none, 0};
}

Screen::Press Screen::wait(int wait_ms) {
  pollfd both[2] = {{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}};
  if (::poll(both, 2, wait_ms) <= 0) return {};
  if (both[1].revents != 0) {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) return {};
    if (info.ssi_signo != SIGWINCH) return {Key::quit, 0};
    measure();
    return {Key::resized, 0};
  }
  char c = 0;
  if (::read(STDIN_FILENO, &c, 1) != 1) return {Key::quit, 0};
  return press_of(c);
}

// Line by line over what is there, so that nothing flickers.
void Screen::draw(std::string_view text) {
  std::string out = "\x1b[H";
  int line = 0;
  while (line < rows_) {
    const std::size_t end = text.find('\n');
    out.append(text.substr(0, end)).append("\x1b[K");
    ++line;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (line < rows_) out += "\r\n";
  }
  put(out + "\x1b[J");
}

}  // namespace nezuctl
