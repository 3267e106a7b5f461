// Reads HTTP/1.x responses off a connection, as far as a load generator needs it: where each one ends, and its status.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nezu::load {

class ResponseReader {
 public:
  enum class State { reading, complete, malformed };

  // A new response is awaited. `head`: it answers a HEAD request, so it has no body.
  void begin(bool head);

  // Takes the next bytes; what comes after the end of the response makes it malformed (requests aren't pipelined).
  State take(std::string_view bytes);

  // The peer has closed its side: ends a body that has no other end.
  State end_of_stream();

  int status() const { return status_; }            // of the final response; 0 before its head was read
  bool keeps_alive() const { return keep_alive_; }  // whether another request may follow
  bool empty() const { return empty_; }             // no byte of a response was seen yet
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  enum class Part { head, body, chunk_size, chunk, chunk_end, trailer, until_close, complete, malformed };

  bool read_line(std::string_view& bytes);  // a whole line is in line_
  void head_line();
  void header(std::string_view name, std::string_view value);
  void head_ended();
  void chunk_size_line();
  void take_body(std::string_view& bytes);
  State state() const;

  static constexpr std::size_t kLineMax = 64 * 1024;

  Part part_ = Part::complete;
  std::string line_;
  bool line_whole_ = false;
  bool head_request_ = false;
  bool first_line_ = true;
  bool chunked_ = false;
  bool has_length_ = false;
  bool keep_alive_ = true;
  bool empty_ = true;
  int status_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace nezu::load
