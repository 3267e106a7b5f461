#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "common/base/mutex.h"
#include "common/base/system_clock.h"
#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/screen.h"
#include "nezuctl/states.h"
#include "nezuctl/top_model.h"

namespace nezuctl {

namespace {

using nezu::Mutex;
using nezu::MutexLock;
using nezu::http::url_encode;

constexpr std::int64_t kMinuteNs = 60'000'000'000;
constexpr std::chrono::seconds kAskEvery{3};
constexpr std::chrono::seconds kReconnect{1};
constexpr int kRedrawMs = 250;

std::string minute_path(const TopModel::Key& key, std::int64_t now_ns) {
  return "/query?service=" + url_encode(key.first) + "&target=" + url_encode(key.second) +
         "&from=" + url_encode(nezu::format_rfc3339(now_ns - kMinuteNs)) + "&to=" + url_encode(nezu::format_rfc3339(now_ns)) + "&step=10s";
}

// One table of the last minute.
Result<int> top_once(const Context& context, const TopOptions& options) {
  const auto services = context.get("/services");
  if (!services) return services.error();
  TopModel model(options.services);
  model.set_services((*services)["services"]);
  std::map<std::string, json::Value> states;
  for (std::size_t i = 0; i < (*services)["services"].size(); ++i) {
    states[(*services)["services"][i]["name"].string_or("")] = (*services)["services"][i]["monitoring"];
  }
  TopView view;
  view.targets = options.targets;
  Table table({{options.targets ? "SERVICE / TRANSACTION" : "SERVICE"},
               {"STATE"},
               {"REQUESTS", true},
               {"RATE/s", true},
               {"ERRORS", true},
               {"AVERAGE", true},
               {"P50", true},
               {"P95", true},
               {"P99", true},
               {"MAX", true}},
              context.out.colour());
  for (const TopModel::Key& key : model.order(view, 0)) {
    const auto answer = context.get(minute_path(key, context.now_ns));
    if (!answer) return answer.error();
    const json::Value& totals = (*answer)["totals"];
    const json::Value nothing;
    const bool known =
        totals["kind"].string_or("") != "off" && (totals["kind"].string_or("") != "gap" || totals["covered"].number_or(0) > 0);
    const json::Value& t = known ? totals : nothing;
    const json::Value& time = t["response_time"];
    table.row({key.second == "all" ? key.first : "  " + key.second, key.second == "all" ? monitoring_state(states[key.first]) : Cell(""),
               count_or_nothing(t["transactions"]),
               t["throughput"].is_number() ? Cell(rate_text(t["throughput"].number_or(0))) : Cell(kNothing),
               t["error_rate"].is_number() ? Cell(percent_text(t["error_rate"].number_or(0))) : Cell(kNothing),
               seconds_or_nothing(time["average"]), seconds_or_nothing(time["p50"]), seconds_or_nothing(time["p95"]),
               seconds_or_nothing(time["p99"]), seconds_or_nothing(time["max"])});
  }
  context.print(table.empty() ? "no services\n"
                              : "last minute, until " + context.zone.text(context.now_ns) + " " + context.zone.name() + "\n" +
                                    table.text(context.out.columns()));
  return kWell;
}

// What the threads share. The live thread reads events, the asking thread states and the last minute; the main thread draws.
struct Shared {
  explicit Shared(std::vector<std::string> services) : model(std::move(services)) {}
  Mutex mutex;
  nezu::Condition woken;
  TopModel model NEZU_GUARDED_BY(mutex);
  TopView view NEZU_GUARDED_BY(mutex);
  std::string live_trouble NEZU_GUARDED_BY(mutex), ask_trouble NEZU_GUARDED_BY(mutex);
  std::atomic<bool> ending{false};
};

void follow_events(const Context& context, Shared& shared) {
  const nezu::SystemClock clock;
  while (!shared.ending) {
    const Status ended = context.client.events(
        "/api/v1/live",
        [&](std::string_view event, std::string_view data) {
          const auto value = json::parse(data);
          MutexLock lock(shared.mutex);
          shared.live_trouble.clear();
          if (value && event == "window") shared.model.on_window(*value, nezu::to_ns(clock.mono()));
          if (event == "state") shared.woken.notify_all();
          return !shared.ending;
        },
        [&] { return !shared.ending; });
    MutexLock lock(shared.mutex);
    if (!ended) shared.live_trouble = "no live figures: " + ended.error().message();
    if (!shared.ending) shared.woken.wait_for(shared.mutex, kReconnect);
  }
}

Status ask_once(const Context& context, Shared& shared) {
  const nezu::SystemClock clock;
  const auto services = context.get("/services");
  if (!services) return services.error();
  const auto probes = context.get("/probes");
  if (!probes) return probes.error();
  std::vector<TopModel::Key> keys;
  {
    MutexLock lock(shared.mutex);
    shared.model.set_services((*services)["services"]);
    shared.model.set_probes((*probes)["probes"]);
    keys = shared.model.visible(shared.view, nezu::to_ns(clock.mono()));
  }
  for (const TopModel::Key& key : keys) {
    if (shared.ending) return {};
    const auto answer = context.get(minute_path(key, nezu::to_ns(clock.wall())));
    if (!answer) return answer.error();
    MutexLock lock(shared.mutex);
    shared.model.set_minute(key, (*answer)["totals"]);
  }
  return {};
}

void ask_on(const Context& context, Shared& shared) {
  while (!shared.ending) {
    const Status asked = ask_once(context, shared);
    MutexLock lock(shared.mutex);
    shared.ask_trouble = asked.ok() ? "" : asked.error().message();
    if (!shared.ending) shared.woken.wait_for(shared.mutex, kAskEvery);
  }
}

void on_key(const Screen::Press& press, TopView& view, std::size_t rows) {
  const auto page = static_cast<std::size_t>(std::max(1, view.rows - 6));
  const std::size_t last = rows == 0 ? 0 : rows - 1;
  switch (press.key) {
    case Screen::Key::up: view.first -= view.first > 0 ? 1 : 0; break;
    case Screen::Key::down: view.first = std::min(last, view.first + 1); break;
    case Screen::Key::page_up: view.first -= std::min(view.first, page); break;
    case Screen::Key::page_down: view.first = std::min(last, view.first + page); break;
    case Screen::Key::home: view.first = 0; break;
    case Screen::Key::other:
      if (press.character == 't') view.targets = !view.targets;
      if (press.character == 's')
        view.sort = view.sort == "name" ? "rate" : view.sort == "rate" ? "errors" : view.sort == "errors" ? "p95" : "name";
      view.first = 0;
      break;
    default: break;
  }
}

void draw_until_quit(const Context& context, Shared& shared, Screen& screen) {
  const nezu::SystemClock clock;
  while (true) {
    {
      MutexLock lock(shared.mutex);
      shared.view.columns = screen.columns();
      shared.view.rows = screen.rows();
      shared.model.set_trouble(shared.ask_trouble.empty() ? shared.live_trouble : shared.ask_trouble);
      screen.draw(shared.model.text(shared.view, context.zone, nezu::to_ns(clock.mono()), nezu::to_ns(clock.wall())));
    }
    const Screen::Press press = screen.wait(kRedrawMs);
    if (press.key == Screen::Key::quit) return;
    MutexLock lock(shared.mutex);
    on_key(press, shared.view, shared.model.order(shared.view, nezu::to_ns(clock.mono())).size());
  }
}

}  // namespace

Result<int> top(const Context& context, const TopOptions& options) {
  if (options.once || !context.out.terminal() || ::isatty(STDIN_FILENO) != 1) return top_once(context, options);
  Shared shared(options.services);
  {
    // The first answer before the screen changes: that nobody is there is told like everywhere else.
    MutexLock lock(shared.mutex);
    shared.view.colour = context.out.colour();
    shared.view.targets = options.targets;
    shared.view.sort = options.sort;
  }
  const auto services = context.get("/services");
  if (!services) return services.error();
  Screen screen;
  std::thread live([&] { follow_events(context, shared); });
  std::thread asking([&] { ask_on(context, shared); });
  draw_until_quit(context, shared, screen);
  shared.ending = true;
  shared.woken.notify_all();
  live.join();
  asking.join();
  return kWell;
}

}  // namespace nezuctl
