// The terminal in full-screen mode while it lives: alternate screen, no echo, keys one by one (Ctrl-C is a key, too).
#pragma once

#include <termios.h>

#include <string>
#include <string_view>

namespace nezuctl {

class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  enum class Key { none, quit, up, down, page_up, page_down, home, resized, other };
  struct Press {
    Key key = Key::none;
    char character = 0;  // of `other`
  };
  // Waits at most `wait_ms`. q, Ctrl-C, SIGTERM, SIGINT, SIGHUP and the end of the input are `quit`.
  Press wait(int wait_ms);
  void draw(std::string_view text);
  int columns() const { return columns_; }
  int rows() const { return rows_; }

 private:
  void measure();
  Press press_of(char c);

  termios old_{};
  int signals_ = -1;
  int columns_ = 80, rows_ = 24;
};

}  // namespace nezuctl
