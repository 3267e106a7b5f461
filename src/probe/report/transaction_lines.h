// Transactions as lines: JSON (one object a line) and CSV (RFC 4180). The keys, in this order, are part of the product's interface:
//
//   ts             seconds since 1970 of the request's first byte (of the response's, where no request was seen); nine decimals, exact
//   client, server "192.0.2.1:40000", "[2001:db8::1]:80"
//   method, host, uri, version   as sent
//   status         null where there was no response
//   response_time, ttfb          seconds, nine decimals, exact; null where not known
//   request_bytes, response_bytes  of the bodies, without chunk framing, not decompressed
//   completeness, reason         reason: null where there is none
//
// JSON is always valid UTF-8: a byte that isn't becomes \u00XX of its value. CSV carries bytes as they are; an absent value is empty.
#pragma once

#include "probe/report/line_buffer.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::report {

void append_json(LineBuffer& out, const Transaction& transaction);

void append_csv_header(LineBuffer& out);
void append_csv(LineBuffer& out, const Transaction& transaction);

// A JSON string of any bytes, with its quotes.
void append_json_string(LineBuffer& out, std::string_view bytes);

}  // namespace nezu::probe::report
