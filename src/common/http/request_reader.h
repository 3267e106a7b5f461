// Inside of common/http: bytes in, one Request out. The only user of Beast (its parser) is request_reader.cc.
#pragma once

#include <memory>
#include <string>

#include "common/http/server.h"

namespace nezu::http {

class RequestReader {
 public:
  enum class State {
    need_more,       // feed again with more
    wants_continue,  // the client waits for "100 Continue" before it sends the body; answer it, and feed again
    complete,        // take() gives the request; what follows in `input` belongs to the next
    failed,          // answer `problem` and close
  };
  struct Failure {
    int status = 400;
    std::string detail;
  };

  RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes);
  ~RequestReader();

  // Takes what it can from the front of `input`.
  State feed(std::string& input);
  // After complete: the request; the reader is then ready for the next.
  Request take();
  bool keep_alive() const { return keep_alive_; }  // of the request that was taken last
  const Failure& failure() const { return failure_; }
  bool began() const { return began_; }  // something of a request has arrived

 private:
  struct Parser;
  State fail(int status, std::string detail);
  State finish();

  std::size_t max_header_bytes_, max_body_bytes_;
  std::unique_ptr<Parser> parser_;
  Request request_;
  Failure failure_;
  bool began_ = false, continue_sent_ = false, keep_alive_ = true;
};

}  // namespace nezu::http
