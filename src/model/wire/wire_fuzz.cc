// Hostile bytes on the link: frames, messages, records. What is read must be written and read back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"
#include "model/wire/record_view.h"

using namespace nezu;

namespace {

// What is read in place is what the whole record says.
void look_in_place(std::string_view bytes) {
  wire::RecordOutline outline;
  const bool read = wire::read_outline(bytes, outline).ok();
  std::vector<window::Figures> figures(read ? outline.targets.size() : 0);
  bool sound = read;
  for (std::size_t i = 0; i < figures.size(); ++i) sound = wire::read_figures(outline.targets[i].bytes, figures[i]).ok() && sound;
  const auto record = wire::decode_record(bytes);
  if (!record.ok()) return;
  NEZU_CHECK(sound && outline.epoch == record->epoch && outline.span == record->span && outline.instance == record->instance);
  NEZU_CHECK(outline.services.size() == record->services.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < record->services.size(); ++i) {
    NEZU_CHECK(outline.services[i].service == record->services[i].service && outline.services[i].covered == record->services[i].covered);
    for (const auto& target : record->services[i].targets) {
      NEZU_CHECK(at < figures.size() && outline.targets[at].target == target.target && figures[at] == target.figures);
      ++at;
    }
  }
  NEZU_CHECK(at == figures.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  if (auto message = wire::decode(bytes); message.ok()) {
    auto again = wire::decode(wire::encode(*message));
    NEZU_CHECK(again.ok() && *again == *message);
  }
  if (auto record = wire::decode_record(bytes); record.ok()) {
    auto again = wire::decode_record(wire::encode_record(*record));
    NEZU_CHECK(again.ok() && *again == *record);
  }
  look_in_place(bytes);

  // The stream in two pieces, cut where its first byte says.
  wire::FrameReader reader(wire::kMaxHelloBytes);
  const std::size_t cut = size == 0 ? 0 : data[0] % size;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    reader.append(piece);
    while (true) {
      auto next = reader.next();
      if (!next.ok()) return 0;
      if (!next->ready) break;
      NEZU_CHECK(!next->bytes.empty() && next->bytes.size() <= wire::kMaxHelloBytes);
      static_cast<void>(wire::decode(next->bytes).ok());
    }
  }
  return 0;
}
