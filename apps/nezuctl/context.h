// What every command is given: the manager's address, how to print, and the clock.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/http/client.h"
#include "common/json/json.h"
#include "nezuctl/format.h"
#include "nezuctl/table.h"

namespace nezuctl {

using nezu::Error;
using nezu::ErrorCode;
using nezu::Result;
using nezu::Status;
namespace json = nezu::json;

enum Exit { kWell = 0, kFailed = 1, kUsage = 2, kUnreachable = 3, kNotFound = 4, kConflict = 5 };
int exit_of(ErrorCode code);

// Standard output. A failure (a full disk, a closed pipe) is kept, and told at the end.
class Output {
 public:
  Output();
  void write(std::string_view text);
  Status failure() const;
  bool terminal() const { return terminal_; }
  bool colour() const { return colour_; }
  int columns() const;  // of the terminal; 0 where it is none

 private:
  bool terminal_, colour_;
  int failed_ = 0;
};

struct Context {
  nezu::http::Client client;
  Zone zone;
  Output& out;
  std::int64_t now_ns = 0;

  // The API below /api/v1. Any status of 400 and more is an Error made of the problem document: 404 not_found, 409 conflict, 400, 413 and 422
  // invalid_argument, else io. An answer that is no JSON where one is due: corrupt.
  Result<json::Value> get(const std::string& path) const;
  Result<json::Value> send(const std::string& method, const std::string& path, const json::Value& body) const;
  Status remove(const std::string& path) const;

  void print(std::string_view text) const { out.write(text); }
  void print_json(const json::Value& value) const { out.write(json::to_pretty_string(value) + "\n"); }
};

// Words for people out of a problem document, or out of whatever came instead.
Error error_of(int status, std::string_view content_type, std::string_view body);

// "/services/shop%2Fcheckout"
std::string path_of(const std::string& collection, const std::string& name);

}  // namespace nezuctl
