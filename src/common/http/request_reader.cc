#include "common/http/request_reader.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/target.h"

namespace nezu::http {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

struct RequestReader::Parser {
  bhttp::request_parser<bhttp::string_body> beast;
};

RequestReader::RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes) {}
RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::fail(int status, std::string detail) {
  failure_ = {status, std::move(detail)};
  return State::failed;
}

namespace {

std::pair<int, std::string> meaning(const beast::error_code& ec, std::size_t max_header_bytes, std::size_t max_body_bytes) {
  if (ec == bhttp::error::header_limit || ec == bhttp::error::buffer_overflow) {
    return {431, "the request's head is larger than " + std::to_string(max_header_bytes) + " bytes"};
  }
  if (ec == bhttp::error::body_limit) return {413, "the request's body is larger than " + std::to_string(max_body_bytes) + " bytes"};
  if (ec == bhttp::error::bad_version) return {505, "wanted HTTP/1.1 or HTTP/1.0"};
  return {400, "this is not a proper HTTP request: " + ec.message()};
}

std::string lower(beast::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

RequestReader::State RequestReader::feed(std::string& input) {
  if (!parser_) {
    // Between requests, an empty line may be left over from the one before (RFC 9112, 2.2).
    input.erase(0, std::min(input.find_first_not_of("\r\n"), input.size()));
    if (input.empty()) return State::need_more;
    began_ = true;
    parser_ = std::make_unique<Parser>();
    parser_->beast.eager(true);
    parser_->beast.header_limit(static_cast<std::uint32_t>(max_header_bytes_));
    parser_->beast.body_limit(max_body_bytes_);
  }
  auto& parser = parser_->beast;
  while (!input.empty() && !parser.is_done()) {
    beast::error_code ec;
    const std::size_t used = parser.put(boost::asio::buffer(input), ec);
    input.erase(0, used);
    if (ec == bhttp::error::need_more) break;
    if (ec) {
      auto [status, detail] = meaning(ec, max_header_bytes_, max_body_bytes_);
      return fail(status, std::move(detail));
    }
    if (used == 0) break;
  }
  if (!parser.is_header_done()) {
    // Beast looks at the limit only when the head is whole or a line too long; we don't keep more than it.
    if (input.size() > max_header_bytes_)
      return fail(431, "the request's head is larger than " + std::to_string(max_header_bytes_) + " bytes");
    return State::need_more;
  }
  if (parser.get().has_content_length() == false && parser.get().count(bhttp::field::transfer_encoding) > 0 && !parser.chunked()) {
    return fail(501, "the only transfer coding known here is chunked");
  }
  if (parser.is_done()) return finish();
  if (!continue_sent_ && parser.get().version() >= 11 && beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    continue_sent_ = true;
    return State::wants_continue;
  }
  return State::need_more;
}

RequestReader::State RequestReader::finish() {
  const auto& message = parser_->beast.get();
  keep_alive_ = message.keep_alive();
  if (message.version() >= 11 && message.count(bhttp::field::host) != 1) return fail(400, "wanted exactly one Host header");
  request_ = Request();
  request_.method = std::string(message.method_string());
  request_.head = request_.method == "HEAD";
  if (request_.head) request_.method = "GET";
  request_.target = std::string(message.target());
  for (const auto& field : message) {
    std::string& value = request_.headers[lower(field.name_string())];
    value += value.empty() ? std::string(field.value()) : ", " + std::string(field.value());
  }
  if (const Status parsed = parse_target(request_); !parsed) return fail(400, parsed.error().message());
  return State::complete;
}

Request RequestReader::take() {
  request_.body = std::move(parser_->beast.get().body());
  parser_.reset();
  began_ = false;
  continue_sent_ = false;
  return std::move(request_);
}

}  // namespace nezu::http
