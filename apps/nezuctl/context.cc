#include "nezuctl/context.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace nezuctl {

int exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return kUsage;
    case ErrorCode::unavailable: return kUnreachable;
    case ErrorCode::not_found: return kNotFound;
    case ErrorCode::conflict:
    case ErrorCode::already_exists: return kConflict;
    default: return kFailed;
  }
}

Output::Output() : terminal_(::isatty(STDOUT_FILENO) == 1), colour_(terminal_ && std::getenv("NO_COLOR") == nullptr) {
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::string_view(term) == "dumb") colour_ = false;
}

void Output::write(std::string_view text) {
  while (!text.empty() && failed_ == 0) {
    const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
    if (size >= 0) {
      text.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno != EINTR) {
      failed_ = errno;
    }
  }
}

Status Output::failure() const {
  return failed_ == 0 ? Status() : Status(Error(ErrorCode::io, Error::from_errno(failed_, "standard output").message()));
}

int Output::columns() const {
  winsize size{};
  return terminal_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

namespace {

ErrorCode code_of(int status) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 422: return ErrorCode::invalid_argument;
    case 404: return ErrorCode::not_found;
    case 409: return ErrorCode::conflict;
    default: return ErrorCode::io;
  }
}

}  // namespace

Error error_of(int status, std::string_view content_type, std::string_view body) {
  const auto problem = content_type.find("json") != std::string_view::npos ? json::parse(body) : Result<json::Value>(json::Value());
  std::string text;
  if (problem && problem->is_object()) {
    text = (*problem)["detail"].string_or("");
    if (text.empty()) text = (*problem)["title"].string_or("");
    for (std::size_t i = 0; i < (*problem)["errors"].size(); ++i) {
      const json::Value& item = (*problem)["errors"][i];
      text += "\n  " + (item.is_string() ? item.string() : item["detail"].string_or(json::to_string(item)));
    }
  }
  if (text.empty()) text = "the manager answered with status " + std::to_string(status);
  std::string clean;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    clean += (at == 0 ? "" : "\n") + printable(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  return Error(code_of(status), clean);
}

namespace {

Result<json::Value> value_of(const nezu::http::ClientResponse& response, const std::string& path) {
  if (response.status >= 400) return error_of(response.status, response.content_type, response.body);
  if (response.status == 204 || response.body.empty()) return json::Value();
  auto value = json::parse(response.body, {.max_bytes = 256 << 20, .max_depth = 64});
  if (!value) {
    return Error(ErrorCode::corrupt, path + ": the answer is not JSON (" + value.error().message() + "); is this the manager's API?");
  }
  return value;
}

}  // namespace

namespace {

// curl's words begin with the whole URL; the address is what people need.
Error told(const Error& error, const std::string& base) {
  if (error.code() != ErrorCode::unavailable) return error;
  const std::size_t reason = error.message().find(": ", base.size());
  return Error(ErrorCode::unavailable, "the manager can't be reached at " + base +
                                           (reason == std::string::npos ? "" : error.message().substr(reason)) +
                                           " (another address: --url or NEZU_URL)");
}

}  // namespace

Result<json::Value> Context::get(const std::string& path) const {
  const auto response = client.request("GET", "/api/v1" + path);
  if (!response) return told(response.error(), client.base());
  return value_of(*response, client.base() + "/api/v1" + path);
}

Result<json::Value> Context::send(const std::string& method, const std::string& path, const json::Value& body) const {
  const auto response = client.request(method, "/api/v1" + path, json::to_string(body));
  if (!response) return told(response.error(), client.base());
  return value_of(*response, client.base() + "/api/v1" + path);
}

Status Context::remove(const std::string& path) const {
  const auto response = client.request("DELETE", "/api/v1" + path);
  if (!response) return told(response.error(), client.base());
  if (response->status >= 400) return error_of(response->status, response->content_type, response->body);
  return {};
}

std::string path_of(const std::string& collection, const std::string& name) {
  return "/" + collection + "/" + nezu::http::url_encode(name);
}

}  // namespace nezuctl
