// nezu-api-test-server: the API over a fake Backend and a store in memory, on a free port of the loopback, which it prints. Ends when its
// standard input is closed. For check_openapi.py.
#include "common/http/server.h"

#include <fmt/core.h>

#include <cstdio>
#include <thread>

#include "common/base/system_clock.h"
#include "common/net/net.h"
#include "manager/api/api.h"
#include "manager/api/fake_backend.h"
#include "manager/store/memory_store.h"

namespace {

using namespace nezu;

window::Record record_of(PacketTime begin, bool busy) {
  window::Record r;
  r.span = {begin, begin + std::chrono::seconds(1)};
  r.covered = {r.span};
  window::ServicePart part;
  part.service = 1;
  part.covered = r.covered;
  if (busy) {
    window::TargetFigures t;
    t.target = 10;
    auto& f = t.figures;
    f.transactions = f.timed = f.status_class[2] = 5;
    f.response_time.add_bucket(sketch::Histogram::bucket_of(std::chrono::milliseconds(3)), 5);
    f.ttfb = f.response_time;
    f.response_time_sum = f.ttfb_sum = std::chrono::milliseconds(15);
    f.response_time_max = f.ttfb_max = std::chrono::milliseconds(3);
    f.handshakes = 1;
    f.handshake_rtt_sum = f.handshake_rtt_max = std::chrono::microseconds(200);
    part.targets.push_back(std::move(t));
  }
  r.services.push_back(std::move(part));
  return r;
}

void fill(api::FakeBackend& backend, store::MemoryStore& store, PacketTime now, WallTime wall) {
  backend.manager_view.version = "0.1.0";
  backend.manager_view.instance = "00112233445566778899aabbccddeeff";
  backend.manager_view.started = wall;
  api::ProbeView probe;
  probe.name = "edge";
  probe.state = "connected";
  probe.discovery = "stopped";
  probe.stored_until = now;
  api::InstanceView instance;
  instance.instance = "aa";
  instance.role = "active";
  instance.connected = wall;
  probe.instances.push_back(instance);
  backend.probe_views.push_back(probe);
  store::FailoverRecord failover;
  failover.id = 1;
  failover.logical_probe = "edge";
  failover.lost = failover.noticed = wall;
  failover.gaps.push_back({1, now - Nanos(std::chrono::seconds(5)), now});
  backend.failover_records.push_back(failover);
  failover.id = 2;
  failover.clock_offset = Nanos(1000);
  failover.first_window = wall;
  failover.start = failover.promote = wall;
  backend.failover_records.push_back(failover);
  backend.event_list.push_back({1, "failover", store::Severity::warning, "edge", "edge went over", wall, wall});
  backend.event_list.push_back({2, "store.no_space", store::Severity::error, "manager", "no room", wall, std::nullopt});
  store::DiscoveryRow discovery;
  discovery.id = 3;
  discovery.logical_probe = "edge";
  discovery.started = wall;
  discovery.stopped = wall;
  discovery.reason = "failover";
  discovery.text = "b took over from a";
  backend.discovery_rows.push_back(discovery);
  store::WriteBatch found;
  found.discovery_entries.push_back({3, "shop.example", 80, "/d", "POST", 1, 0, Nanos(0)});
  found.discovery_entries.push_back({3, "shop.example", 80, "/c", "GET", 4, 2, std::chrono::milliseconds(10)});
  store.write(std::move(found), nullptr);
  backend.spans.push_back({1, 1, "edge", now - Nanos(std::chrono::minutes(10)), std::nullopt});
  for (int s = 0; s < 120; ++s) {
    if (s > 50 && s < 60) continue;
    store::WriteBatch batch;
    batch.records.push_back({"edge", record_of(floor_to(now, std::chrono::seconds(1)) - Nanos(std::chrono::seconds(130 - s)), s % 3 != 0)});
    store.write(std::move(batch), nullptr);
  }
}

}  // namespace

int main() {
  SystemClock clock;
  net::EventLoop loop;
  api::FakeBackend backend;
  store::MemoryStore store;
  const PacketTime now = packet_time_ns(to_ns(clock.wall()));
  fill(backend, store, now, clock.wall());
  api::Options options;
  options.post = [&](UniqueFunction<void()> task) { loop.post(std::move(task)); };
  options.metrics = [] { return std::string("nezuban_up 1\n"); };
  api::Api api(backend, store, clock, std::move(options));
  auto server = http::Server::listen(loop, {"127.0.0.1", 0}, api.handler());
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message());
    return 1;
  }
  fmt::print("{}\n", (*server)->port());
  std::fflush(stdout);
  net::Timer timer(loop);
  std::function<void()> beat = [&] {
    backend.emit("edge", record_of(floor_to(packet_time_ns(to_ns(clock.wall())), std::chrono::seconds(1)), true));
    api.tick();
    timer.after(std::chrono::milliseconds(100), beat);
  };
  beat();
  std::thread input([&] {
    while (std::getchar() != EOF) {}
    loop.stop();
  });
  loop.run();
  input.join();
  return 0;
}
