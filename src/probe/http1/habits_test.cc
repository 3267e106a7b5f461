#include "probe/http1/habits.h"

#include <gtest/gtest.h>

namespace nezu::probe::http1 {
namespace {

void answer(Habits& habits, std::uint64_t server, int alone, int with_the_response) {
  for (int i = 0; i < alone; ++i) habits.answered(server, true);
  for (int i = 0; i < with_the_response; ++i) habits.answered(server, false);
}

TEST(Habits, OfAServerThatIsNotKnownNothingIsExpected) {
  Habits habits;
  EXPECT_FALSE(habits.acknowledges(1));
  answer(habits, 1, 7, 0);
  EXPECT_FALSE(habits.acknowledges(1)) << "seven are too few";
  answer(habits, 1, 1, 0);
  EXPECT_TRUE(habits.acknowledges(1));
}

TEST(Habits, AFewLostAcknowledgementsDontChangeThem) {
  Habits habits;
  answer(habits, 1, 90, 10);
  EXPECT_TRUE(habits.acknowledges(1));
  answer(habits, 1, 0, 10);
  EXPECT_FALSE(habits.acknowledges(1)) << "more than one of eight";
}

TEST(Habits, AServerThatChangesIsFollowed) {
  Habits habits;
  answer(habits, 1, 100'000, 0);
  answer(habits, 1, 0, 1000);
  EXPECT_FALSE(habits.acknowledges(1));
  answer(habits, 1, 30'000, 0);
  EXPECT_TRUE(habits.acknowledges(1));
}

TEST(Habits, EachServerHasItsOwn) {
  Habits habits;
  answer(habits, 0x0100007f0000ffff, 0, 100);
  answer(habits, 0x0200007f0000ffff, 100, 0);
  EXPECT_FALSE(habits.acknowledges(0x0100007f0000ffff));
  EXPECT_TRUE(habits.acknowledges(0x0200007f0000ffff));
}

}  // namespace
}  // namespace nezu::probe::http1
