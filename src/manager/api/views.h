// The Backend's and query's values as JSON. Every object and field here is in openapi.json; tests/api/check_openapi.py holds one against the
// other. Pure.
#pragma once

#include <map>
#include <string>

#include "common/json/json.h"
#include "manager/api/backend.h"
#include "manager/query/query.h"

namespace nezu::api {

// Each writes one JSON value.
void write_status(json::Writer& w, const ManagerView& manager, const std::vector<ServiceView>& services,
                  const std::vector<ProbeView>& probes);
void write_service(json::Writer& w, const ServiceView& service);
void write_probe(json::Writer& w, const ProbeView& probe);
void write_failover(json::Writer& w, const store::FailoverRecord& record, const std::map<store::ServiceId, std::string>& names);
void write_event(json::Writer& w, const store::Event& event);
void write_discovery(json::Writer& w, const store::DiscoveryRow& row);
void write_discovery_entries(json::Writer& w, const store::DiscoveryRow& row, const std::vector<store::DiscoveryEntry>& entries);
void write_changes(json::Writer& w, const std::vector<Change>& changes);
void write_series(json::Writer& w, const std::string& service, const std::string& target, const query::Series& series);
// A stored record, for /live: each target of each service in it that `services` has.
void write_live(json::Writer& w, const LiveRecord& live, const std::map<store::ServiceId, ServiceView>& services);
void write_service_state(json::Writer& w, const ServiceView& service);  // "monitoring" of a service, with its name
void write_probe_state(json::Writer& w, const ProbeView& probe);

const char* to_string(Change::Action action);

}  // namespace nezu::api
