#include "agent/parameters.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "agent/defaults.h"
#include "common/base/text.h"

namespace nezu::agent {

std::string program_beside(const std::string& self, Kind kind) {
  const std::string name = kind == Kind::probe ? "nezu-probe" : "nezu-manager";
  const std::string folder = self.substr(0, self.rfind('/') + 1);
  // Installed, the agent is in lib/nezuban; in a build folder all programs lie side by side.
  for (const std::string& place : {folder + name, folder + "../../bin/" + name}) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  return "/usr/bin/" + name;
}

Result<Nanos> parse_ocf_duration(const std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kLong[] = {{"", "s"},      {"sec", "s"}, {"msec", "ms"},
                                                                            {"usec", "us"}, {"min", "m"}, {"hr", "h"}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  for (const auto& [name, unit] : kLong) {
    if (digits > 0 && text.substr(digits) == name) return parse_duration(text.substr(0, digits) + std::string(unit));
  }
  return parse_duration(text);
}

Parameters read_parameters(Kind kind, const Environment& environment, const std::string& self) {
  const auto text = [&](const char* name, const std::string& otherwise) {
    const char* value = environment(name);
    return value == nullptr || *value == '\0' ? otherwise : std::string(value);
  };
  const auto key = [&](const char* name, const std::string& otherwise) {
    return text((std::string("OCF_RESKEY_") + name).c_str(), otherwise);
  };
  Parameters p;
  p.kind = kind;
  p.instance = text("OCF_RESOURCE_INSTANCE", kind == Kind::probe ? "probe" : "manager");
  p.instance = p.instance.substr(0, p.instance.find(':'));
  p.config = key("config", default_config(kind));
  p.binary = key("binary", program_beside(self, kind));
  p.user = key("user", kDefaultUser);
  p.log = key("log", "/var/log/nezuban/" + p.instance + ".log");
  p.clone_known = environment("OCF_RESKEY_CRM_meta_promoted_max") != nullptr || environment("OCF_RESKEY_CRM_meta_master_max") != nullptr;
  p.in_cluster = environment("OCF_RESKEY_CRM_meta_on_node") != nullptr;
  p.node = text("OCF_RESKEY_CRM_meta_on_node", "");
  p.notice.type = text("OCF_RESKEY_CRM_meta_notify_type", "");
  p.notice.operation = text("OCF_RESKEY_CRM_meta_notify_operation", "");
  p.notice.nodes = text(("OCF_RESKEY_CRM_meta_notify_" + p.notice.operation + "_uname").c_str(), "");
  const struct {
    const char* name;
    const char* otherwise;
    Nanos* value;
  } times[] = {{"isolation_timeout", kDefaultIsolation, &p.isolation_timeout},
               {"long_poll", kDefaultLongPoll, &p.long_poll},
               {"check_timeout", kDefaultCheck, &p.check_timeout},
               {"stop_timeout", kDefaultStop, &p.stop_timeout}};
  for (const auto& t : times) {
    Result<Nanos> value = parse_ocf_duration(key(t.name, t.otherwise));
    if (value.ok() && *value <= Nanos(0) && t.value == &p.check_timeout) {
      value = Error(ErrorCode::invalid_argument, "wanted more than nothing");
    }
    if (!value.ok() && p.wrong.empty()) p.wrong = value.error().in(t.name).message();
    *t.value = value.ok() ? *value : *parse_ocf_duration(t.otherwise);
  }
  const auto number = [&](const char* name) {
    const Result<std::uint64_t> value = parse_u64(text(name, "0"), 1'000'000'000);
    return value.ok() ? static_cast<std::int64_t>(*value) : 0;
  };
  p.check_level = static_cast<int>(number("OCF_CHECK_LEVEL"));
  p.interval = std::chrono::milliseconds(number("OCF_RESKEY_CRM_meta_interval"));
  p.timeout = std::chrono::milliseconds(number("OCF_RESKEY_CRM_meta_timeout"));
  return p;
}

}  // namespace nezu::agent
