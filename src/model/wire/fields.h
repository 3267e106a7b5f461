// What both codecs use: checks of fields that say which one is wrong. Only for this module; sees protobuf's generated types.
#pragma once

#include <fmt/core.h>
#include <link.pb.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "common/base/utf8.h"
#include "model/wire/messages.h"

namespace nezu::wire {

namespace pb = nezuban::link::v1;

inline constexpr std::size_t kMaxText = 4096;

// Collects the first thing that is wrong; what is read after it doesn't matter.
class Check {
 public:
  bool well() const { return why_.empty(); }
  void fail(std::string why) {
    if (well()) why_ = std::move(why);
  }
  Error error() const { return Error(ErrorCode::corrupt, why_); }

  void want(bool holds, const char* field, const char* wanted) {
    if (!holds) fail(fmt::format("{}: wanted {}", field, wanted));
  }
  // Protobuf has checked that it is UTF-8.
  std::string text(const std::string& value, const char* field, std::size_t max = kMaxText) {
    if (value.size() > max) fail(fmt::format("{}: {} bytes; wanted at most {}", field, value.size(), max));
    return value;
  }
  std::string name(const std::string& value, const char* field) {
    if (Status s = definition::check_name(value); !s) fail(fmt::format("{}: {}", field, s.error().message()));
    return value;
  }
  InstanceId instance(const std::string& bytes, const char* field) {
    InstanceId id;
    if (bytes.size() != id.bytes.size()) {
      fail(fmt::format("{}: {} bytes; wanted {}", field, bytes.size(), id.bytes.size()));
      return id;
    }
    std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
    return id;
  }
  Nanos nanos(std::uint64_t ns, const char* field) {
    if (ns > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail(fmt::format("{}: {} ns; wanted less than 2^63", field, ns));
      return Nanos(0);
    }
    return Nanos(static_cast<std::int64_t>(ns));
  }

 private:
  std::string why_;
};

// Texts as the other side takes them: valid UTF-8 (what was seen on a network may be any bytes) and not longer than it allows.
inline std::string text_of(const std::string& text, std::size_t max = kMaxText) {
  std::string clean = is_utf8(text) ? text : to_utf8(text);
  if (clean.size() <= max) return clean;
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end;
  clean.resize(end);
  return clean;
}
inline std::string bytes_of(const InstanceId& id) { return std::string(id.bytes.begin(), id.bytes.end()); }
// A negative one becomes more than any field allows.
inline std::uint64_t unsigned_us(Nanos d) { return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::microseconds>(d).count()); }
inline std::uint64_t unsigned_ns(Nanos d) { return static_cast<std::uint64_t>(d.count()); }

// Ledgers and records: record_codec.cc. `base`: what the first decided time is told from.
void put(const window::Ledger& ledger, PacketTime base, pb::Ledger& to);
window::Ledger take(const pb::Ledger& from, PacketTime base, const char* field, Check& check);
void put(const window::Record& record, pb::Record& to);

}  // namespace nezu::wire
