#include "probe/worker/clock_keeper.h"

#include <gtest/gtest.h>

namespace nezu::probe::worker {
namespace {

using std::chrono::milliseconds;

struct Clocks {
  WallTime wall{Seconds(1'700'000'000)};
  MonoTime mono{Seconds(1000)};
  void pass(Nanos d) {
    wall += d;
    mono += d;
  }
};
PacketTime packet(WallTime t) { return packet_time_ns(to_ns(t)); }

TEST(ClockKeeper, WithoutAStepStampsStayAsTheyAre) {
  Clocks c;
  ClockKeeper k(Nanos(0));
  k.look(c.wall, c.mono);
  c.pass(Seconds(100'000));
  c.wall += milliseconds(99);  // no step
  EXPECT_EQ(k.look(c.wall, c.mono).by, Nanos(0));
  EXPECT_TRUE(k.plain());
  EXPECT_EQ(k.correct(packet(c.wall)), packet(c.wall));
}

TEST(ClockKeeper, SetBack_PacketTimeGoesOn) {
  Clocks c;
  ClockKeeper k(Nanos(0));
  k.look(c.wall, c.mono);
  c.pass(milliseconds(10));
  const PacketTime before = packet(c.wall);
  const WallTime unread = c.wall;  // a frame that was stamped before the step, and read after it
  c.wall -= Seconds(3600);
  c.pass(milliseconds(10));
  const auto step = k.look(c.wall, c.mono);
  EXPECT_EQ(step.by, -Nanos(Seconds(3600)));
  EXPECT_EQ(step.jump, Nanos(0));
  EXPECT_EQ(k.now(), before + milliseconds(10));
  EXPECT_EQ(k.correct(packet(c.wall)), before + milliseconds(10));
  EXPECT_EQ(k.correct(packet(unread)), before);
  c.pass(Seconds(5));
  k.look(c.wall, c.mono);
  EXPECT_EQ(k.correct(packet(c.wall)), before + milliseconds(5010));
}

TEST(ClockKeeper, SetForward_IsAJump) {
  Clocks c;
  ClockKeeper k(Nanos(0));
  k.look(c.wall, c.mono);
  c.wall += Seconds(3600);
  const auto step = k.look(c.wall, c.mono);
  EXPECT_EQ(step.jump, Nanos(Seconds(3600)));
  EXPECT_EQ(k.now(), packet(c.wall));
  EXPECT_EQ(k.shift(), Nanos(0));
}

TEST(ClockKeeper, SetBackAndForwardAgain_TheShiftIsGivenBack) {
  Clocks c;
  ClockKeeper k(Seconds(37));
  k.look(c.wall, c.mono);
  const PacketTime start = k.now();
  c.wall -= Seconds(10);
  k.look(c.wall, c.mono);
  EXPECT_EQ(k.now(), start);
  c.wall += Seconds(15);
  const auto step = k.look(c.wall, c.mono);
  EXPECT_EQ(step.jump, Nanos(Seconds(5)));
  EXPECT_EQ(k.shift(), Nanos(0));
  EXPECT_EQ(k.now(), packet(c.wall) + Seconds(37));
  EXPECT_EQ(k.steps(), 2u);
}

}  // namespace
}  // namespace nezu::probe::worker
