// HTTP/1.1 messages like those of real sites, and what is true of them.
#pragma once

#include <string>
#include <vector>

#include "dice.h"

namespace nezu::bench {

enum class Kind { web, api, conns, junk };

struct Exchange {
  std::string method, host, uri;
  int status = 0;
  std::size_t request_bytes = 0, response_bytes = 0;  // of the bodies, without chunk framing
  std::string request, response;                      // as on the wire
  std::uint64_t think_us = 0;                         // the server's time
};

class Messages {
 public:
  Messages(Kind kind, Dice& dice);
  // `close`: the server closes after it, and both heads say so.
  Exchange make(bool close);

 private:
  std::size_t body_size(int status);
  void add_body(Exchange& e, std::size_t size, bool chunked);

  Kind kind_;
  Dice& dice_;
  std::vector<std::string> hosts_;
  std::vector<std::string> paths_;
  std::string pool_;  // bodies are cut out of it
};

}  // namespace nezu::bench
