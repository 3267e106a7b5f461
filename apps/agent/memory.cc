#include "agent/memory.h"

#include "common/io/directory.h"
#include "common/json/json.h"

namespace nezu::agent {

Memory recall(const std::string& folder, const std::string& name) {
  Memory m;
  const Result<std::string> text = io::read_file(folder + "/" + name, 4096);
  if (!text.ok()) return m;
  const Result<json::Value> value = json::parse(*text);
  if (!value.ok()) return m;
  const json::Value& v = *value;
  if (v["score"].is_integer()) m.score = static_cast<int>(v["score"].int_or(0));
  if (v["drops"].is_integer()) m.drops = v["drops"].uint_or(0);
  if (v["stopped"].is_integer()) m.stopped = mono_time_ns(v["stopped"].int_or(0));
  if (v["returned"].is_integer()) m.returned = mono_time_ns(v["returned"].int_or(0));
  if (v["place"].is_object()) {
    const json::Value& place = v["place"];
    m.place = Place{place["socket"].string_or(""), place["host"].string_or(""), static_cast<std::uint16_t>(place["port"].uint_or(0))};
  }
  m.interval = Nanos(v["interval"].int_or(0));
  m.dead = v["dead"].bool_or(false);
  return m;
}

void remember(const std::string& folder, const std::string& name, const Memory& memory) {
  json::Value v{json::Members{}};
  if (memory.score) v.set("score", *memory.score);
  if (memory.drops) v.set("drops", *memory.drops);
  if (memory.stopped) v.set("stopped", to_ns(*memory.stopped));
  if (memory.returned) v.set("returned", to_ns(*memory.returned));
  if (memory.place) {
    json::Value place{json::Members{}};
    place.set("socket", memory.place->socket).set("host", memory.place->host).set("port", memory.place->port);
    v.set("place", std::move(place));
  }
  v.set("interval", memory.interval.count()).set("dead", memory.dead);
  auto directory = io::SystemDirectory::open(folder);
  if (directory.ok()) (void)io::write_whole(**directory, name, json::to_string(v));  // else: nothing remembered
}

}  // namespace nezu::agent
