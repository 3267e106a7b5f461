#include "messages.h"

#include <algorithm>
#include <cstdio>

namespace nezu::bench {
namespace {
constexpr std::size_t kPool = 6u << 20;
constexpr std::size_t kBodyMax = 4u << 20;

const char* reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 404: return "Not Found";
    case 500: return "Internal Server Error";
    default: return "Service Unavailable";
  }
}
}  // namespace

Messages::Messages(Kind kind, Dice& dice) : kind_(kind), dice_(dice) {
  static const char* kSites[] = {"shop.example.com", "www.example.net", "api.example.org", "portal.example.co.jp"};
  for (int i = 0; i < 120; ++i) hosts_.push_back("n" + std::to_string(i) + "." + kSites[i % 4]);
  static const char* kAreas[] = {"/catalog/item", "/account", "/v1/orders", "/static/css/site",
                                 "/img/p",        "/search",  "/basket",    "/report/daily"};
  for (int i = 0; i < 1'500; ++i) {
    std::string path = std::string(kAreas[i % 8]) + "/" + std::to_string(i * 37 % 1'000);
    if (i % 3 == 0) path += "/detail/" + dice_.hex(8);
    if (i % 4 == 0) path += "?page=" + std::to_string(i % 50) + "&sort=price&q=%E6%99%82%E9%96%93";
    paths_.push_back(path);
  }
  while (pool_.size() < kPool)
    pool_ += "{\"id\":" + std::to_string(dice_.below(100'000)) + ",\"name\":\"" + dice_.hex(12) + "\",\"tags\":[\"a\",\"b\"]}\n";
}

std::size_t Messages::body_size(int status) {
  if (status != 200) return dice_.between(120, 600);
  switch (kind_) {
    case Kind::web:  // heavy tail: a few large downloads
      return static_cast<std::size_t>(std::clamp(dice_.lognormal(8'192, 1.4), 60.0, static_cast<double>(kBodyMax)));
    case Kind::api: return dice_.between(200, 1'000);
    default: return dice_.between(100, 600);
  }
}

void Messages::add_body(Exchange& e, std::size_t size, bool chunked) {
  const std::size_t from = dice_.below(pool_.size() - size);
  e.response_bytes = size;
  if (!chunked) {
    e.response.append(pool_, from, size);
    return;
  }
  for (std::size_t at = 0; at < size;) {
    const std::size_t n = std::min<std::size_t>(size - at, dice_.chance(0.5) ? 8'192 : dice_.between(200, 16'000));
    char head[24];
    std::snprintf(head, sizeof head, "%zx\r\n", n);
    e.response += head;
    e.response.append(pool_, from + at, n);
    e.response += "\r\n";
    at += n;
  }
  e.response += "0\r\n\r\n";
}

Exchange Messages::make(bool close) {
  Exchange e;
  const double m = dice_.unit();
  e.method = m < 0.83 ? "GET" : m < 0.95 ? "POST" : m < 0.97 ? "PUT" : m < 0.98 ? "DELETE" : m < 0.995 ? "HEAD" : "OPTIONS";
  // A few hosts and paths get most of the requests.
  const double skew = dice_.unit();
  e.host = hosts_[static_cast<std::size_t>(skew * skew * static_cast<double>(hosts_.size()))];
  const double path = dice_.unit();
  e.uri = paths_[static_cast<std::size_t>(path * path * path * static_cast<double>(paths_.size()))];
  const char* connection = close ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  std::string& q = e.request;
  q = e.method + " " + e.uri + " HTTP/1.1\r\nHost: " + e.host + "\r\n" + connection +
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: "
      "text/html,application/json;q=0.9,*/*;q=0.8\r\n"
      "Accept-Language: ja,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nCookie: session=" +
      dice_.hex(32) + "; theme=dark; ab=" + dice_.hex(dice_.between(20, 200)) + "\r\n";
  if (kind_ == Kind::api) q += "Authorization: Bearer " + dice_.hex(120) + "\r\n";
  if (e.method[0] == 'P') {
    e.request_bytes =
        kind_ == Kind::web ? static_cast<std::size_t>(std::clamp(dice_.lognormal(900, 1.3), 50.0, 200'000.0)) : dice_.between(100, 700);
    q += "Content-Type: application/json\r\nContent-Length: " + std::to_string(e.request_bytes) + "\r\n";
  }
  q += "\r\n";
  q.append(pool_, dice_.below(pool_.size() - e.request_bytes), e.request_bytes);

  const double s = dice_.unit();
  e.status = s < 0.90 ? 200 : s < 0.93 ? 304 : s < 0.95 ? 302 : s < 0.98 ? 404 : s < 0.99 ? 500 : s < 0.994 ? 503 : 204;
  const bool bodiless = e.status == 304 || e.status == 204;
  const std::size_t size = bodiless ? 0 : body_size(e.status);
  const bool chunked = !bodiless && e.status == 200 && dice_.chance(kind_ == Kind::web ? 0.35 : 0.2);
  std::string& r = e.response;
  r = "HTTP/1.1 " + std::to_string(e.status) + " " + reason_of(e.status) + "\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
      connection + "Content-Type: application/json; charset=utf-8\r\nCache-Control: private, max-age=0\r\nETag: \"" + dice_.hex(16) +
      "\"\r\nX-Trace: " + dice_.hex(dice_.between(16, 160)) + "\r\n";
  if (!bodiless) r += chunked ? std::string("Transfer-Encoding: chunked\r\n") : "Content-Length: " + std::to_string(size) + "\r\n";
  r += "\r\n";
  if (!bodiless && e.method != "HEAD") add_body(e, size, chunked);
  e.think_us = 200 + static_cast<std::uint64_t>(dice_.lognormal(e.status >= 500 ? 150'000 : 12'000, 0.9));
  return e;
}

}  // namespace nezu::bench
