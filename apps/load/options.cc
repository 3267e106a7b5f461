#include "load/options.h"

#include <fmt/core.h>

#include <cerrno>
#include <charconv>
#include <fstream>

#include "common/base/text.h"

namespace nezu::load {
namespace {

constexpr std::size_t kBodyMax = 16 * 1024 * 1024;
constexpr unsigned kConnectionsMax = 20000;
constexpr double kRateMax = 1e6;

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool is_method(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c < 'A' || c > 'Z') return false;
  }
  return true;
}

}  // namespace

Result<Request> parse_request(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Error(ErrorCode::invalid_argument,
                 fmt::format("request \"{}\": {}; wanted METHOD:/PATH[:WEIGHT[:BODY_BYTES]], such as GET:/fast:3", text, why));
  };
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 4) return wrong("wrong number of parts");
  Request request;
  if (!is_method(parts[0])) return wrong("the method isn't in capital letters");
  request.method = std::string(parts[0]);
  if (parts[1].empty() || parts[1].front() != '/') return wrong("the path doesn't begin with \"/\"");
  if (parts[1].find_first_of(" \t\r\n") != std::string_view::npos) return wrong("the path holds a blank");
  request.path = std::string(parts[1]);
  if (parts.size() > 2) {
    const auto [end, error] = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), request.weight);
    if (error != std::errc{} || end != parts[2].data() + parts[2].size() || !(request.weight > 0) || request.weight > 1e9) {
      return wrong("the weight isn't a number above 0");
    }
  }
  if (parts.size() > 3) {
    const auto body = parse_u64(parts[3], kBodyMax);
    if (!body) return wrong(body.error().message());
    request.body = static_cast<std::size_t>(*body);
  }
  return request;
}

Result<std::vector<Request>> read_requests(const std::string& file) {
  std::ifstream in(file);
  if (!in) return Error::from_errno(errno, file);
  std::vector<Request> requests;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    auto request = parse_request(line);
    if (!request) return request.error().in(fmt::format("{}:{}", file, number));
    requests.push_back(std::move(*request));
  }
  if (requests.empty()) return Error(ErrorCode::invalid_argument, file + ": no request in it");
  return requests;
}

Status validate(const Options& options) {
  const auto wrong = [](std::string text) { return Error(ErrorCode::invalid_argument, std::move(text)); };
  if (options.mix.empty()) return wrong("no request: give --uri or --uri-file");
  if (options.threads < 1 || options.threads > 2) return wrong(fmt::format("--threads {}: wanted 1 or 2", options.threads));
  if (options.connections < options.threads || options.connections > kConnectionsMax) {
    return wrong(fmt::format("--connections {}: wanted {}–{}", options.connections, options.threads, kConnectionsMax));
  }
  if (!(options.rate >= 0) || options.rate > kRateMax) { return wrong(fmt::format("--rate {}: wanted 0–{}", options.rate, kRateMax)); }
  if (!(options.close_share >= 0) || options.close_share > 1) {
    return wrong(fmt::format("--close-share {}: wanted 0–1", options.close_share));
  }
  if (options.poisson && options.rate == 0) return wrong("--poisson needs a --rate");
  if (options.timeout <= Nanos::zero()) return wrong("--timeout: wanted more than 0");
  return {};
}

}  // namespace nezu::load
