// nezu-load: puts a constant load on an HTTP/1.1 server, and counts what came back.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/text.h"
#include "load/options.h"
#include "load/stats.h"
#include "load/worker.h"

namespace nezu::load {
namespace {

struct CommandLine {
  Options options;
  std::string server, duration = "60s", timeout = "10s", uri_file;
  std::vector<std::string> uris;
  bool json = false;
};

void declare(CLI::App& app, CommandLine& line) {
  Options& o = line.options;
  app.add_option("SERVER", line.server, "address and port of the server, such as 192.0.2.1:80")->required();
  app.add_option("-u,--uri", line.uris,
                 "METHOD:/PATH[:WEIGHT[:BODY_BYTES]]; may be repeated; {n} becomes the request's number (default GET:/)");
  app.add_option("--uri-file", line.uri_file, "the same, one a line");
  app.add_option("-c,--connections", o.connections, "connections that are kept open")->capture_default_str();
  app.add_option("-r,--rate", o.rate, "requests per second, whatever the answers do; 0: as fast as possible")->capture_default_str();
  app.add_flag("--poisson", o.poisson, "random gaps between requests instead of even ones");
  app.add_option("--close-share", o.close_share, "share of requests (0–1) that say Connection: close")->capture_default_str();
  app.add_option("-d,--duration", line.duration, "how long; 0: until SIGINT or SIGTERM")->capture_default_str();
  app.add_option("-n,--requests", o.requests, "at most so many requests; 0: no limit")->capture_default_str();
  app.add_option("--timeout", line.timeout, "of one request")->capture_default_str();
  app.add_option("--host", o.host_header, "the Host header (default: the address)");
  app.add_option("--bind", o.bind, "source address");
  app.add_option("--first-number", o.first_number, "the first {n}")->capture_default_str();
  app.add_option("--seed", o.seed, "of all that is random")->capture_default_str();
  app.add_option("-t,--threads", o.threads, "1 or 2")->capture_default_str();
  app.add_flag("--json", line.json, "the result as JSON");
}

Status complete(CommandLine& line) {
  Options& o = line.options;
  const auto server = parse_host_port(line.server);
  if (!server) return server.error().in("SERVER");
  o.host = server->host;
  o.port = server->port;
  const auto duration = parse_duration(line.duration);
  if (!duration) return duration.error().in("--duration");
  o.duration = *duration;
  const auto timeout = parse_duration(line.timeout);
  if (!timeout) return timeout.error().in("--timeout");
  o.timeout = *timeout;
  for (const auto& text : line.uris) {
    auto request = parse_request(text);
    if (!request) return request.error().in("--uri");
    o.mix.push_back(std::move(*request));
  }
  if (!line.uri_file.empty()) {
    auto requests = read_requests(line.uri_file);
    if (!requests) return requests.error();
    for (auto& request : *requests) o.mix.push_back(std::move(request));
  }
  if (o.mix.empty()) o.mix.push_back({"GET", "/", 1, 0});
  return validate(o);
}

// Waits for the end of the duration, for a signal, or until every worker has ended by itself.
void wait_for_end(const Options& options, int signals, const std::atomic<unsigned>& running) {
  const auto start = std::chrono::steady_clock::now();
  while (running.load() > 0) {
    const auto gone = std::chrono::steady_clock::now() - start;
    auto slice = std::chrono::milliseconds(50);
    if (options.duration > Nanos::zero()) {
      if (gone >= options.duration) return;
      slice = std::min(slice, std::chrono::ceil<std::chrono::milliseconds>(options.duration - gone));
    }
    pollfd p{signals, POLLIN, 0};
    if (poll(&p, 1, static_cast<int>(slice.count())) > 0) return;
  }
}

Options share_of(const Options& all, unsigned which) {
  const unsigned n = all.threads;
  Options share = all;
  share.connections = all.connections / n + (which < all.connections % n ? 1 : 0);
  share.rate = all.rate / n;
  if (all.requests > 0) share.requests = all.requests / n + (which < all.requests % n ? 1 : 0);
  return share;
}

int run(const CommandLine& line) {
  const Options& options = line.options;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

  std::atomic<bool> stop{false};
  std::atomic<unsigned> running{options.threads};
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options.threads; ++i) {
    workers.push_back(std::make_unique<Worker>(share_of(options, i), options.first_number + i, options.threads, stop));
    if (const Status opened = workers.back()->open(); !opened) {
      fmt::print(stderr, "nezu-load: {}\n", opened.error().message());
      return 2;
    }
  }
  std::vector<Stats> results(options.threads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.emplace_back([&, i] {
      results[i] = workers[i]->run();
      --running;
    });
  }
  wait_for_end(options, signals, running);
  stop = true;
  Stats sum;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads[i].join();
    sum.merge(results[i]);
  }
  ::close(signals);
  fmt::print("{}", line.json ? to_json(sum, options) : to_text(sum, options));
  if (sum.answered == 0) fmt::print(stderr, "nezu-load: not one request was answered\n");
  return sum.answered == 0 ? 1 : 0;
}

}  // namespace
}  // namespace nezu::load

int main(int argc, char** argv) {
  CLI::App app{"Puts a constant load on an HTTP/1.1 server, and counts what came back."};
  nezu::load::CommandLine line;
  nezu::load::declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }
  if (const nezu::Status ok = nezu::load::complete(line); !ok) {
    fmt::print(stderr, "nezu-load: {}\n", ok.error().message());
    return 2;
  }
  return nezu::load::run(line);
}
