// What people and API clients send: YAML and JSON of services. Also all that lies under it: the strict configuration layer, JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "model/definition/service.h"

using namespace nezu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (auto services = definition::parse_yaml(text, "fuzz.yaml"); services.ok()) {
    for (const auto& service : *services) NEZU_CHECK(definition::validate(service).ok());
    auto again = definition::parse_yaml(definition::to_yaml(*services), "fuzz.yaml");
    NEZU_CHECK(again.ok() && *again == *services);
  } else {
    NEZU_CHECK(!services.error().message().empty());
  }

  if (auto service = definition::parse_json(text); service.ok()) {
    NEZU_CHECK(definition::validate(*service).ok());
    auto again = definition::parse_json(definition::to_json(*service));
    NEZU_CHECK(again.ok() && *again == *service);
  }
  if (auto value = json::parse(text); value.ok()) {
    // A double that is a whole number (1.0, -0.0) is written as one and so read as an integer: from then on nothing changes.
    auto again = json::parse(json::to_string(*value));
    NEZU_CHECK(again.ok());
    auto twice = json::parse(json::to_string(*again));
    NEZU_CHECK(twice.ok() && *twice == *again);
  }
  return 0;
}
