#include "common/http/client.h"

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "common/http/event_parser.h"

namespace nezu::http {

namespace {

constexpr std::size_t kBodyMax = 256 << 20;
constexpr int kPollMs = 100;

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;
using Multi = std::unique_ptr<CURLM, MultiFree>;
using Headers = std::unique_ptr<curl_slist, ListFree>;

// Options that every call has. `reason` receives curl's words.
Easy make_easy(const std::string& url, char* reason) {
  Easy easy(curl_easy_init());
  NEZU_CHECK(easy != nullptr);
  reason[0] = '\0';
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy.get(), CURLOPT_USERAGENT, "nezuctl");
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  return easy;
}

Error failed(const std::string& url, CURLcode code, const char* reason) {
  return Error(ErrorCode::unavailable, url + ": " + (reason[0] != '\0' ? reason : curl_easy_strerror(code)));
}

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kBodyMax) return 0;
  body.append(data, size * count);
  return size * count;
}

struct EventReader {
  CURL* easy = nullptr;
  const EventParser::EventHandler* handler = nullptr;
  EventParser parser;
  std::string other;  // the beginning of an answer that is no event stream
  bool ended = false;
  std::optional<Error> error;
};

std::size_t on_event_bytes(char* data, std::size_t size, std::size_t count, void* into) {
  auto& reader = *static_cast<EventReader*>(into);
  const std::string_view bytes(data, size * count);
  const char* type = nullptr;
  long status = 0;
  curl_easy_getinfo(reader.easy, CURLINFO_CONTENT_TYPE, &type);
  curl_easy_getinfo(reader.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 || type == nullptr || std::string_view(type).substr(0, 17) != "text/event-stream") {
    reader.other.append(bytes.substr(0, 500 - std::min<std::size_t>(500, reader.other.size())));
    return bytes.size();
  }
  const auto go_on = reader.parser.feed(bytes, *reader.handler);
  if (!go_on) reader.error = go_on.error();
  reader.ended = !go_on || !*go_on;
  return reader.ended ? 0 : bytes.size();
}

}  // namespace

Result<ClientResponse> Client::request(const std::string& method, const std::string& path_and_query, const std::string& body,
                                       const std::string& content_type) const {
  const std::string url = base_ + path_and_query;
  char reason[CURL_ERROR_SIZE];
  const Easy easy = make_easy(url, reason);
  ClientResponse response;
  Headers headers(curl_slist_append(nullptr, "Expect:"));
  if (!body.empty()) headers.reset(curl_slist_append(headers.release(), ("Content-Type: " + content_type).c_str()));
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_.count() / 1'000'000));
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &response.body);
  if (method == "HEAD") curl_easy_setopt(easy.get(), CURLOPT_NOBODY, 1L);
  if (method != "GET" && method != "HEAD") {
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_WRITE_ERROR) return Error(ErrorCode::no_space, url + ": the answer is larger than 256 MiB");
  if (code != CURLE_OK) return failed(url, code, reason);
  long status = 0;
  const char* type = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_TYPE, &type);
  response.status = static_cast<int>(status);
  if (type != nullptr) response.content_type = type;
  return response;
}

Status Client::events(const std::string& path_and_query, const std::function<bool(std::string_view, std::string_view)>& handler,
                      const std::function<bool()>& keep_going) const {
  const std::string url = base_ + path_and_query;
  char reason[CURL_ERROR_SIZE];
  const Easy easy = make_easy(url, reason);
  EventReader reader;
  reader.easy = easy.get();
  reader.handler = &handler;
  const Headers headers(curl_slist_append(nullptr, "Accept: text/event-stream"));
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_event_bytes);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &reader);
  const Multi multi(curl_multi_init());
  curl_multi_add_handle(multi.get(), easy.get());
  CURLcode code = CURLE_OK;
  bool asked_to_end = false;
  for (int running = 1; running > 0;) {
    curl_multi_perform(multi.get(), &running);
    if (running == 0 || reader.ended) break;
    if (keep_going && !keep_going()) {
      asked_to_end = true;
      break;
    }
    curl_multi_poll(multi.get(), nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(multi.get(), easy.get());
  if (reader.error) return reader.error->in(url);
  if (reader.ended || asked_to_end) return {};
  if (code != CURLE_OK) return failed(url, code, reason);
  if (!reader.other.empty() || status != 200) {
    return Error(status == 404 ? ErrorCode::not_found : ErrorCode::unsupported,
                 url + ": no event stream, but status " + std::to_string(status) + ": " + reader.other);
  }
  return Error(ErrorCode::unavailable, url + ": the server ended the event stream");
}

}  // namespace nezu::http
