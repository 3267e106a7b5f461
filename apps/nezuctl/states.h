// How states are shown, in one place. Pure.
#pragma once

#include "nezuctl/context.h"

namespace nezuctl {

// "monitoring", "starting", …; "monitoring, interrupted" in red where no instance measures.
Cell monitoring_state(const json::Value& monitoring);
Cell probe_state(const std::string& state);
Cell severity(const std::string& text);
// measured, idle, gap, off
Style kind_style(const std::string& kind);

// kNothing where the value isn't there.
Cell text_or_nothing(const json::Value& value);
Cell count_or_nothing(const json::Value& value);
Cell seconds_or_nothing(const json::Value& value);
Cell time_or_nothing(const Zone& zone, const json::Value& value, bool milliseconds = false);

// Every scalar below `value`, as "name.name  value" lines; keys that end in _bytes, "size" or "memory" as sizes.
void add_all(Sheet& sheet, const std::string& prefix, const json::Value& value);

}  // namespace nezuctl
