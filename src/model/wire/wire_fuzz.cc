// Hostile bytes on the link: frames, messages, records. What is read must be written and read back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

using namespace nezu;

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
