#include "manager/session/metrics.h"

#include <optional>
#include <utility>

namespace nezu::session {
namespace {

using metrics::Sample;
double number(std::uint64_t value) { return static_cast<double>(value); }

metrics::Labels labels(const std::pair<std::string, store::Severity>& event) {
  return {{"code", event.first}, {"severity", store::to_string(event.second)}};
}

// One sample a logical probe.
template <class Read>
std::vector<Sample> by_probe(const Driver& driver, Read read) {
  std::vector<Sample> samples;
  for (const auto& probe : driver.monitor().probes()) samples.push_back({{{"probe", probe.name}}, read(probe)});
  return samples;
}

void register_records(metrics::Registry& registry, const Driver& driver) {
  registry.counter("nezu_records_stored_total", "records that were stored", [&driver] {
    return by_probe(driver, [&](const auto& probe) { return number(driver.ingest().counters(probe.name).stored); });
  });
  registry.counter("nezu_records_repeated_total", "records that were stored already and acknowledged again", [&driver] {
    return by_probe(driver, [&](const auto& probe) { return number(driver.ingest().counters(probe.name).repeats); });
  });
  registry.counter("nezu_records_refused_total", "records that don't count, by reason", [&driver] {
    std::vector<Sample> samples;
    for (const auto& probe : driver.monitor().probes()) {
      const ingest::Counters counters = driver.ingest().counters(probe.name);
      for (std::size_t i = 0; i < counters.refused.size(); ++i) {
        samples.push_back(
            {{{"probe", probe.name}, {"reason", ingest::name(static_cast<ingest::Refused>(i))}}, number(counters.refused[i])});
      }
    }
    return samples;
  });
  registry.counter_value("nezu_records_held_back_total",
                         "records thrown away, to be sent again: the database could not be written, or they lay in the future",
                         [&driver] { return number(driver.counters().held_back); });
  registry.counter_value("nezu_transactions_stored_total", "transactions in stored records (all web access)",
                         [&driver] { return number(driver.counters().transactions); });
}

void register_links(metrics::Registry& registry, const Driver& driver) {
  registry.gauge("nezu_sessions", "sessions of probes, by role", [&driver] {
    std::map<std::pair<std::string, std::string>, double> counts;
    for (const auto& probe : driver.monitor().probes()) {
      for (const char* role : {"active", "waiting", "standby"}) counts[{probe.name, role}] = 0;
      for (const auto& instance : probe.instances) counts[{probe.name, instance.role}] += 1;
    }
    std::vector<Sample> samples;
    for (const auto& [key, count] : counts) samples.push_back({{{"probe", key.first}, {"role", key.second}}, count});
    return samples;
  });
  registry.counter_value("nezu_links_total", "connections of probes that were accepted",
                         [&driver] { return number(driver.counters().links); });
  registry.counter("nezu_links_refused_total", "connections of probes that were refused or cut, by reason", [&driver] {
    const Counters& c = driver.counters();
    return std::vector<Sample>{{{{"reason", "refused"}}, number(c.links_refused)},
                               {{{"reason", "too_many"}}, number(c.links_too_many)},
                               {{{"reason", "broken"}}, number(c.broken)},
                               {{{"reason", "silent_or_replaced"}}, number(c.ended)},
                               {{{"reason", "slow"}}, number(c.slow)},
                               {{{"reason", "too_long"}}, number(c.too_long)}};
  });
  registry.counter_value("nezu_link_bytes_received_total", "bytes of messages from probes",
                         [&driver] { return number(driver.counters().bytes_in); });
  registry.counter_value("nezu_link_messages_received_total", "messages from probes",
                         [&driver] { return number(driver.counters().messages_in); });
  registry.counter("nezu_discovery_entries_total", "entries of discovery that were received, by what became of them", [&driver] {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < monitor::kDiscoveryFates; ++i) {
      const auto fate = static_cast<monitor::DiscoveryFate>(i);
      samples.push_back({{{"fate", monitor::name(fate)}}, number(driver.monitor().discoveries().fate_count(fate))});
    }
    return samples;
  });
  registry.gauge_value("nezu_discoveries_running", "discoveries that are discovering",
                       [&driver] { return number(driver.monitor().discoveries().discovering()); });
}

void register_monitor(metrics::Registry& registry, const Driver& driver) {
  registry.gauge("nezu_probe_epoch", "the present epoch",
                 [&driver] { return by_probe(driver, [](const auto& probe) { return number(probe.kept.epoch); }); });
  registry.gauge("nezu_probe_connected", "1 while the admitted instance has a session",
                 [&driver] { return by_probe(driver, [](const auto& probe) { return probe.state == "connected" ? 1.0 : 0.0; }); });
  registry.gauge("nezu_probe_stored_until_seconds", "end of what is stored, seconds since 1970",
                 [&driver] { return by_probe(driver, [](const auto& probe) { return to_seconds(Nanos(to_ns(probe.stored_until))); }); });
  registry.gauge("nezu_services", "services by state", [&driver] {
    std::map<std::string, double> counts{{"stopped", 0}, {"starting", 0}, {"monitoring", 0}, {"stopping", 0}};
    for (const auto& [id, row] : driver.services()) {
      if (!row.deleted) counts[to_string(driver.monitor().service(id).state)] += 1;
    }
    std::vector<Sample> samples;
    for (const auto& [state, count] : counts) samples.push_back({{{"state", state}}, count});
    return samples;
  });
  registry.gauge("nezu_events_open", "events that are open, by code and severity", [&driver] {
    std::vector<Sample> samples;
    for (const auto& [key, count] : driver.monitor().events().counts()) samples.push_back({labels(key), static_cast<double>(count.open)});
    return samples;
  });
  registry.counter("nezu_events_total", "events that were opened since the start, by code and severity", [&driver] {
    std::vector<Sample> samples;
    for (const auto& [key, count] : driver.monitor().events().counts()) samples.push_back({labels(key), number(count.opened)});
    return samples;
  });
}

// Phases of the last failover of each logical probe, as far as it has reached them.
void register_failovers(metrics::Registry& registry, const Driver& driver) {
  registry.gauge("nezu_failover_phase_seconds", "the last failover's phases, since the old instance was lost", [&driver] {
    std::vector<Sample> samples;
    for (const auto& [probe, record] : driver.monitor().failovers().latest()) {
      const store::FailoverRecord& r = *record;
      const std::pair<const char*, std::optional<WallTime>> phases[] = {
          {"noticed", r.noticed},   {"stopped", r.stopped},          {"start", r.start}, {"promote", r.promote}, {"announced", r.announced},
          {"admitted", r.admitted}, {"first_window", r.first_window}};
      for (const auto& [phase, at] : phases) {
        if (at) samples.push_back({{{"probe", probe}, {"phase", phase}}, to_seconds(*at - r.lost)});
      }
    }
    return samples;
  });
}

void register_store(metrics::Registry& registry, const Driver& driver, const store::Store& store) {
  registry.gauge_value("nezu_ingest_paused", "1 while the database can't be written",
                       [&driver] { return driver.committer().paused() ? 1.0 : 0.0; });
  registry.counter_value("nezu_ingest_pauses_total", "times that the database could not be written",
                         [&driver] { return number(driver.counters().pauses); });
  registry.gauge_value("nezu_ingest_held_bytes", "bytes of records that wait for the database",
                       [&driver] { return number(driver.committer().held_bytes()); });
  registry.counter_value("nezu_store_commits_total", "commits", [&store] { return number(store.status().commits); });
  registry.counter_value("nezu_store_failed_commits_total", "commits that failed",
                         [&store] { return number(store.status().failed_commits); });
  registry.counter_value("nezu_store_batches_total", "batches written", [&store] { return number(store.status().batches); });
  registry.gauge_value("nezu_store_database_bytes", "size of the database file",
                       [&store] { return number(store.status().database_bytes); });
  registry.gauge_value("nezu_store_wal_bytes", "size of the write-ahead log", [&store] { return number(store.status().wal_bytes); });
  registry.gauge_value("nezu_store_journal_rows", "windows not folded into chunks yet",
                       [&store] { return number(store.status().journal_rows); });
  registry.gauge_value("nezu_store_chunks", "compressed chunks", [&store] { return number(store.status().chunks); });
}

}  // namespace

void register_metrics(metrics::Registry& registry, const Driver& driver, const store::Store& store) {
  register_records(registry, driver);
  register_links(registry, driver);
  register_monitor(registry, driver);
  register_failovers(registry, driver);
  register_store(registry, driver, store);
}

}  // namespace nezu::session
