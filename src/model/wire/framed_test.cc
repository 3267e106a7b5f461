#include "model/wire/framed.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace nezu::wire {
namespace {

Definitions definitions(std::size_t services) {
  Definitions out;
  for (std::size_t i = 0; i < services; ++i) {
    ServiceDefinition d;
    d.service = static_cast<window::ServiceId>(i + 1);
    d.version = 1;
    d.definition.group = "shop";
    d.definition.name = "service" + std::to_string(i);
    out.services.push_back(std::move(d));
  }
  return out;
}

TEST(Framed, a_small_message_is_one_frame) {
  const Message message = definitions(3);
  const auto bytes = framed(message);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, frame(encode(message)));
}

TEST(Framed, definitions_larger_than_a_frame_arrive_whole_in_several) {
  const Definitions all = definitions(37);
  const std::size_t limit = encode(all).size() / 5;
  const auto bytes = framed(all, limit);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  FrameReader reader(limit);
  reader.append(*bytes);
  Definitions got;
  std::size_t frames = 0;
  for (auto next = reader.next(); next.ok() && next->ready; next = reader.next(), ++frames) {
    auto part = decode(next->bytes);
    ASSERT_TRUE(part.ok()) << part.error().message();
    for (auto& d : std::get<Definitions>(*part).services) got.services.push_back(std::move(d));
  }
  EXPECT_GE(frames, 5u);
  EXPECT_EQ(got, all);
}

TEST(Framed, what_cannot_be_divided_is_an_error) {
  EXPECT_FALSE(framed(definitions(1), 10).ok());
  EXPECT_FALSE(framed(definitions(4), 10).ok());
}

}  // namespace
}  // namespace nezu::wire
