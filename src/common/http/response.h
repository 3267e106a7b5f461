// Inside of common/http: a Response as bytes. Pure.
#pragma once

#include <ctime>
#include <string>

#include "common/http/server.h"

namespace nezu::http {

// With the body, unless the request was a HEAD; 1xx, 204 and 304 never have one. Line breaks in header values become spaces.
std::string to_bytes(const Response& response, bool head, bool keep_alive, std::time_t now);
// The head of an event stream; it ends with the connection.
std::string event_stream_head(std::time_t now);
// One event; each line of `data` in a field of its own.
std::string event_bytes(std::string_view event, std::string_view data);
std::string http_date(std::time_t now);  // "Tue, 24 Nov 2026 07:10:05 GMT"

}  // namespace nezu::http
