#include "probe/shadow/clock.h"

#include <gmock/gmock.h>

namespace nezu::probe::shadow {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Known = Clock::Known;

TEST(Clock, KnowsNothingAtFirst) {
  Clock c;
  EXPECT_EQ(c.known(), Known::none);
  EXPECT_EQ(c.logical(packet_time_ns(5)), packet_time_ns(5));
}

TEST(Clock, OwnTimeIsTheLogicalProbesAndItsOffset) {
  Clock c;
  c.coarse(milliseconds(40));
  const PacketTime own = packet_time_ns(1'000'000'000);
  EXPECT_EQ(c.logical(own), own - milliseconds(40));
  EXPECT_EQ(c.own(c.logical(own)), own);
}

TEST(Clock, HeartbeatsGiveAFirstOffset_AndFollow) {
  Clock c;
  c.coarse(milliseconds(40));
  EXPECT_EQ(c.known(), Known::coarse);
  c.coarse(milliseconds(42));
  EXPECT_EQ(c.offset(), Nanos(milliseconds(42)));
}

TEST(Clock, ThreeTransactionsInCommonReplaceIt) {
  Clock c;
  c.coarse(milliseconds(40));
  c.compare({microseconds(5000), microseconds(5010)});
  EXPECT_EQ(c.known(), Known::coarse) << "two may both be wrong";
  EXPECT_EQ(c.offset(), Nanos(milliseconds(40)));
  c.compare({microseconds(5020)});
  EXPECT_EQ(c.known(), Known::compared);
  EXPECT_EQ(c.offset(), Nanos(microseconds(5010)));
  c.coarse(milliseconds(40));
  EXPECT_EQ(c.offset(), Nanos(microseconds(5010))) << "heartbeats know it worse";
}

TEST(Clock, TheMedianStandsWhateverASingleOneSays) {
  Clock c;
  c.compare({microseconds(5000), Nanos(Seconds(-30)), microseconds(5002), Nanos(Seconds(30)), microseconds(5001)});
  EXPECT_EQ(c.offset(), Nanos(microseconds(5001)));
}

TEST(Clock, FollowsADrift) {
  Clock c;
  c.compare(std::vector<Nanos>(100, milliseconds(5)));
  c.compare(std::vector<Nanos>(31, milliseconds(6)));
  EXPECT_EQ(c.offset(), Nanos(milliseconds(6)));
}

TEST(Clock, NothingInCommonChangesNothing) {
  Clock c;
  c.compare(std::vector<Nanos>(5, milliseconds(5)));
  c.adopt(milliseconds(1));
  c.compare({});
  EXPECT_EQ(c.known(), Known::own);
  EXPECT_EQ(c.offset(), Nanos(milliseconds(1)));
}

TEST(Clock, AnotherActiveIsComparedAnew_TheOldOffsetIsGoodEnoughMeanwhile) {
  Clock c;
  c.compare(std::vector<Nanos>(31, milliseconds(5)));
  c.anew();
  EXPECT_EQ(c.known(), Known::coarse);
  EXPECT_EQ(c.offset(), Nanos(milliseconds(5)));
  c.compare({milliseconds(7), milliseconds(7)});
  EXPECT_EQ(c.offset(), Nanos(milliseconds(5))) << "the old active's differences speak no more";
  c.compare({milliseconds(7)});
  EXPECT_EQ(c.offset(), Nanos(milliseconds(7)));
  Clock nothing;
  nothing.anew();
  EXPECT_EQ(nothing.known(), Known::none) << "nothing known stays nothing known";
}

TEST(Clock, WhoIsAdmittedKeepsWhatIsKnown) {
  Clock c;
  c.keep();
  EXPECT_EQ(c.known(), Known::own);
  c.coarse(milliseconds(40));
  EXPECT_EQ(c.offset(), Nanos(0)) << "from then on its time is the logical probe's";
  Clock compared;
  compared.compare(std::vector<Nanos>(3, milliseconds(5)));
  compared.keep();
  EXPECT_EQ(compared.known(), Known::compared);
}

}  // namespace
}  // namespace nezu::probe::shadow
