#include <fmt/core.h>

#include "probe/control/control.h"

namespace nezu::probe::control {
namespace {

struct Client {
  Client(net::EventLoop& loop, std::unique_ptr<net::Stream> s) : stream(std::move(s)), idle(loop) {}
  std::unique_ptr<net::Stream> stream;
  net::Timer idle;
  std::string buffer;
};

}  // namespace

struct Server::Impl {
  Impl(net::EventLoop& l, Handler h) : loop(l), handler(std::move(h)) {}
  net::EventLoop& loop;
  Handler handler;
  std::unique_ptr<net::Acceptor> acceptor;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients;
  std::uint64_t next = 0, refused = 0;

  void add(std::unique_ptr<net::Stream> stream) {
    if (clients.size() >= kMaxClients) {
      ++refused;
      return;
    }
    const std::uint64_t id = ++next;
    clients[id] = std::make_unique<Client>(loop, std::move(stream));
    read(id);
  }

  // A stream may be in the middle of calling us: it goes when the loop comes round.
  void remove(std::uint64_t id) {
    const auto it = clients.find(id);
    if (it == clients.end()) return;
    loop.post([client = std::move(it->second)]() mutable { client.reset(); });
    clients.erase(it);
  }

  void read(std::uint64_t id) {
    Client& c = *clients.at(id);
    c.idle.after(kIdle, [this, id] { remove(id); });
    c.stream->read([this, id](Result<std::string_view> bytes) {
      const auto it = clients.find(id);
      if (it == clients.end()) return;
      if (!bytes.ok() || bytes->empty()) return remove(id);
      if (take(*it->second, *bytes))
        read(id);
      else
        remove(id);
    });
  }

  bool take(Client& c, std::string_view bytes) {
    c.buffer += bytes;
    for (std::size_t end; (end = c.buffer.find('\n')) != std::string::npos;) {
      c.stream->write(answer(handler, std::string_view(c.buffer).substr(0, end)), [](Status) {});
      c.buffer.erase(0, end + 1);
    }
    return c.buffer.size() <= kMaxLine && c.stream->queued_bytes() < (1 << 20);
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::unique_ptr<Server> Server::make(net::EventLoop& loop, Handler handler) {
  return std::unique_ptr<Server>(new Server(std::make_unique<Impl>(loop, std::move(handler))));
}

Result<std::unique_ptr<Server>> Server::listen(net::EventLoop& loop, const std::string& path, Handler handler) {
  std::unique_ptr<Server> server = make(loop, std::move(handler));
  Impl* impl = server->impl_.get();
  auto acceptor = net::listen_unix(loop, path, [impl](std::unique_ptr<net::Stream> stream) { impl->add(std::move(stream)); });
  if (!acceptor.ok()) return acceptor.error().in("control.socket");
  impl->acceptor = std::move(acceptor).value();
  return server;
}

void Server::serve(std::unique_ptr<net::Stream> stream) { impl_->add(std::move(stream)); }
std::uint64_t Server::refused_clients() const { return impl_->refused; }

std::string answer(const Handler& handler, std::string_view line) {
  const auto failed = [](const std::string& text, const char* code) {
    json::Value v;
    v.set("ok", false).set("error", text).set("code", code);
    return json::to_string(v) + "\n";
  };
  const auto request = json::parse(line, {.max_bytes = kMaxLine, .max_depth = 4});
  if (!request.ok()) return failed("no JSON: " + request.error().message(), "invalid_argument");
  const json::Value& command = (*request)["command"];
  if (!command.is_string()) return failed("wanted {\"command\": …}", "invalid_argument");
  Result<json::Value> result = handler(command.string(), *request);
  if (!result.ok()) return failed(result.error().message(), to_string(result.error().code()));
  json::Value v;
  v.set("ok", true);
  if (result->is_object()) {
    for (const json::Member& m : result->members()) v.set(m.key, m.value);
  }
  return json::to_string(v) + "\n";
}

Result<json::Value> ask(const std::string& path, const json::Value& request, Nanos timeout) {
  net::EventLoop loop;
  Result<json::Value> answer = Error(ErrorCode::unavailable, fmt::format("{}: no answer within {}", path, format_duration(timeout)));
  std::unique_ptr<net::Stream> stream;
  std::string got;
  net::Timer timer(loop);
  timer.after(timeout, [&] { loop.stop(); });
  const auto fail = [&](const Error& error) {
    answer = error.in(path);
    loop.stop();
  };
  std::function<void()> read = [&] {
    stream->read([&](Result<std::string_view> bytes) {
      if (!bytes.ok()) return fail(bytes.error());
      if (bytes->empty()) return fail(Error(ErrorCode::unavailable, "the daemon closed the connection"));
      got += *bytes;
      const std::size_t end = got.find('\n');
      if (end == std::string::npos) return read();
      answer = json::parse(std::string_view(got).substr(0, end));
      loop.stop();
    });
  };
  net::connect_unix(loop, path, timeout, [&](Result<std::unique_ptr<net::Stream>> result) {
    if (!result.ok()) return fail(result.error());
    stream = std::move(result).value();
    stream->write(json::to_string(request) + "\n", [](Status) {});
    read();
  });
  loop.run();
  if (!answer.ok()) return answer;
  if (!(*answer)["ok"].bool_or(false)) return Error(ErrorCode::conflict, (*answer)["error"].string_or("the daemon refused"));
  return answer;
}

}  // namespace nezu::probe::control
