// Each row of docs/failover.md that concerns the probe is a test with its name; those of a warm pair alone: warm_test.cc.
#include "probe/role/role.h"

#include <gmock/gmock.h>

#include "probe/role/test_bench.h"

namespace nezu::probe::role {
namespace {

using shadow::testing::at;
using shadow::testing::done;
using shadow::testing::SliceMaker;
using shadow::testing::span;
using std::chrono::milliseconds;
using testing::begins;
using testing::Bench;
using testing::instance;
using testing::spans;
using testing::transactions;

TEST(Row, ColdStart_HelloHeartbeatClaimGrantRecordsAcks) {
  Bench b;
  EXPECT_EQ(b.count<Connect>(), 1u);
  EXPECT_EQ(b.role().name(), Name::claiming);
  b.open_session();
  ASSERT_EQ(b.sent<wire::Hello>().size(), 1u);
  EXPECT_EQ(b.sent<wire::Hello>()[0].logical_probe, "edge");
  EXPECT_TRUE(b.heartbeat().promoted) << "the first heartbeat lodges the claim, at once";
  EXPECT_EQ(b.heartbeat().epoch, 0u);
  b.grant(5, -1);
  EXPECT_EQ(b.role().name(), Name::active);
  EXPECT_EQ(b.heartbeat().epoch, 5u);
  EXPECT_EQ(b.count<Measure>(), 0u) << "nothing is measured before an instruction";
  b.define(1, 3);
  b.instruct(7, {{1, 3}});
  ASSERT_EQ(b.count<Measure>(), 1u);
  EXPECT_EQ(b.heartbeat().applied, 0u) << "not confirmed before every worker measures";
  b.workers_follow(at(0.2));
  EXPECT_EQ(b.heartbeat().applied, 7u);
  ASSERT_EQ(b.heartbeat().services.size(), 1u);
  EXPECT_EQ(b.heartbeat().services[0].since, at(0.2));
  b.worker().add(done(0.5, 1));
  b.measure(1);
  ASSERT_EQ(b.sent<window::Record>().size(), 1u);
  EXPECT_EQ(b.sent<window::Record>()[0].span, (window::Span{at(0), at(1)}));
  EXPECT_EQ(b.sent<window::Record>()[0].epoch, 5u);
  EXPECT_EQ(b.sent<window::Record>()[0].instance, instance(1));
  b.ack(0, 1);
  EXPECT_TRUE(b.role().spool().empty());
}

TEST(Row, RecordsBeginAtTheEndOfWhatIsStored_OrWhereTheCoverageBegins) {
  Bench b;
  b.pass(milliseconds(3600));
  b.open_session();
  b.grant(6, 3.5);  // the predecessor's last window was cut short
  b.measure_service();
  b.worker() = SliceMaker(3.6);
  b.measure(5);
  const auto sent = b.sent<window::Record>();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].span, (window::Span{at(3.5), at(4)}));
  EXPECT_EQ(sent[0].covered, span(3.6, 4));
  EXPECT_EQ(sent[1].span.begin, at(4));
}

TEST(Row, Cold_WhatWasMeasuredBeforeTheAdmissionIsThrownAway) {
  Bench b;
  b.open_session();
  b.measure_service();
  b.pass(milliseconds(3600));
  b.worker().add(done(3.2, 1));
  b.worker().add(done(3.55, 2));
  b.measure(3.58);
  b.grant(6, 3.5);
  EXPECT_EQ(b.role().shadow().counters().thrown_away, 2u);
  b.worker().add(done(3.59, 3));
  b.worker().add(done(3.7, 4));
  b.measure(4);
  const auto sent = b.sent<window::Record>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].covered, span(3.6, 4));
  EXPECT_EQ(transactions(sent), 1u);
}

TEST(Row, Cold_AClockThatIsKnownDoesNotSaveWhatWasMeasuredBefore) {
  Bench b;
  b.open_session();
  b.measure_service();
  b.pass(milliseconds(3600));
  b.worker().add(done(3.55, 1));
  b.measure(3.58);
  wire::Grant grant;
  grant.epoch = 6;
  grant.stored_until = at(3.5);
  grant.offset = Nanos(0);
  b.tell(grant);
  b.worker().add(done(3.7, 2));
  b.measure(4);
  const auto sent = b.sent<window::Record>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].covered, span(3.6, 4)) << "whether the other one counted it isn't known without names";
  EXPECT_EQ(transactions(sent), 1u);
}

TEST(Row, LostConnection_SameInstanceGoesOnWhereItWas) {
  Bench b;
  b.monitor_and_admit();
  b.measure(1);
  b.measure(2);
  b.ack(0, 1);
  b.forget();
  b.take(b.role().disconnected(b.now(), "reset"));
  b.measure(3);  // measured on
  EXPECT_TRUE(b.sent<window::Record>().empty());
  EXPECT_EQ(b.role().name(), Name::active);
  b.pass(milliseconds(150));
  EXPECT_EQ(b.count<Connect>(), 1u);
  b.open_session();
  EXPECT_EQ(b.heartbeat().epoch, 5u) << "it goes on under its epoch";
  EXPECT_THAT(begins(b.sent<window::Record>()), ::testing::ElementsAre(at(1), at(2))) << "what wasn't acknowledged, once";
  EXPECT_EQ(b.count<Measure>(), 0u);
  b.ack(1, 2);
  b.ack(2, 3);
  EXPECT_TRUE(b.role().spool().empty());
}

TEST(Row, SilenceOfASecondIsALostSession) {
  Bench b;
  b.monitor_and_admit();
  b.pass(milliseconds(900), false);
  EXPECT_TRUE(b.role().session());
  b.pass(milliseconds(150), false);
  EXPECT_FALSE(b.role().session());
  EXPECT_EQ(b.count<Disconnect>(), 1u);
}

TEST(Row, ManagerAway_WindowsAreKeptAndDeliveredOnce) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  for (int i = 1; i <= 100; ++i) b.measure(i);
  b.forget();
  b.open_session();
  EXPECT_EQ(b.sent<window::Record>().size(), 32u) << "no more on its way than in_flight";
  for (int i = 0; i < 100; ++i) b.ack(i, i + 1);
  EXPECT_EQ(b.sent<window::Record>().size(), 100u);
  EXPECT_TRUE(b.role().spool().empty());
}

TEST(Row, ManagerAwayForLongerThanTheSpool_OldestAreDroppedAndTheHoleIsTold) {
  Options o;
  o.spool.windows = 3;
  Bench b(o);
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  b.measure(5.2);
  b.open_session();
  EXPECT_EQ(b.heartbeat().overflow_windows, 2u);
  EXPECT_EQ(b.heartbeat().since, at(2));
}

TEST(Row, HeartbeatsEach250Milliseconds_AndAtOnceAfterAChange) {
  Bench b;
  b.monitor_and_admit();
  b.forget();
  b.pass(Seconds(2));
  EXPECT_EQ(b.sent<wire::Heartbeat>().size(), 8u);
  b.forget();
  b.take(b.role().demote(b.now()));
  EXPECT_EQ(b.sent<wire::Heartbeat>().size(), 1u);
}

TEST(Row, AHeartbeatSaysThePacketClockOfItsOwnInstant) {
  Bench b;
  b.monitor_and_admit();
  b.pass(milliseconds(50));
  b.forget();
  b.take(b.role().demote(b.now() + milliseconds(37)));  // between two ticks
  EXPECT_EQ(b.heartbeat().packet_clock, b.packet_now() + milliseconds(37));
}

TEST(Row, AColdClaimTellsWhenItsStartBegan_AsAnAge_UntilItIsAdmitted) {
  using Step = wire::ClusterStep;
  Bench bench;
  Options o;
  o.start_began = bench.now() - milliseconds(40);  // a bench's time begins where the other's does
  Bench b(o);
  b.pass(milliseconds(100));
  b.open_session();
  EXPECT_EQ(b.heartbeat().cluster_steps, (std::vector<Step>{{Step::Kind::start, milliseconds(140)}}));
  b.pass(milliseconds(250));
  EXPECT_EQ(b.heartbeat().cluster_steps, (std::vector<Step>{{Step::Kind::start, milliseconds(390)}}));
  b.grant(5, -1);
  EXPECT_TRUE(b.heartbeat().cluster_steps.empty());
}

TEST(Row, AStepOfTheClusterThatCantBeIsNotTold) {
  Bench bench;
  Options o;
  o.start_began = bench.now() + Seconds(1);  // not yet
  Bench early(o);
  early.open_session();
  EXPECT_TRUE(early.heartbeat().cluster_steps.empty());
  o.start_began = bench.now() - wire::kMaxStepAge - Nanos(1);  // longer ago than the manager takes
  Bench late(o);
  late.open_session();
  EXPECT_TRUE(late.heartbeat().cluster_steps.empty());
}

TEST(Row, Superseded_StepsDownAndItsClaimWaits) {
  Bench b;
  b.monitor_and_admit();
  b.measure(1);
  b.measure(2);
  b.tell(wire::Superseded{5, at(1)});
  EXPECT_EQ(b.role().name(), Name::waiting);
  EXPECT_EQ(b.heartbeat().promoted, true) << "the cluster still holds it promoted: nobody else might, when the other one dies";
  EXPECT_EQ(b.role().spool().granted(), 1u) << "records up to 1 are still wanted";
  b.forget();
  b.take(b.role().disconnected(b.now(), "reset"));
  b.open_session();
  EXPECT_EQ(b.heartbeat().was, 5u);
  EXPECT_THAT(begins(b.sent<window::Record>()), ::testing::ElementsAre(at(0)));
}

TEST(Row, SupersededForAnotherEpochChangesNothing) {
  Bench b;
  b.monitor_and_admit();
  b.tell(wire::Superseded{4, at(1)});
  EXPECT_EQ(b.role().name(), Name::active);
  EXPECT_EQ(b.heartbeat().superseded, 0u);
}

// It may have read this before it spoke, and the connection may be gone by now.
TEST(Row, Superseded_IsSaidAtOnceAndFromThenOn) {
  Bench b;
  b.monitor_and_admit();
  EXPECT_EQ(b.heartbeat().superseded, 0u);
  b.forget();
  b.tell(wire::Superseded{5, at(1)});
  ASSERT_EQ(b.sent<wire::Heartbeat>().size(), 1u);
  EXPECT_EQ(b.heartbeat().superseded, 5u);
  EXPECT_EQ(b.heartbeat().epoch, 0u);
  EXPECT_EQ(b.heartbeat().held, 5u);
  b.forget();
  b.take(b.role().disconnected(b.now(), "reset"));
  b.open_session();
  EXPECT_EQ(b.heartbeat().superseded, 5u);
  b.grant(7, 1);
  EXPECT_EQ(b.heartbeat().superseded, 5u) << "the manager may not have it on its disk yet";
  b.tell(wire::Superseded{7, at(1)});
  EXPECT_EQ(b.heartbeat().superseded, 7u);
}

TEST(Row, Demoted_IsNotSuperseded) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().demote(b.now()));
  b.tell(wire::Superseded{5, at(1)});  // that of what it kept, nothing is wanted any more
  b.pass(milliseconds(300));
  EXPECT_EQ(b.heartbeat().superseded, 0u);
}

TEST(Row, Cold_WaitingClaim_IsAdmittedLater_AndCountsNothingThatTheOtherCounted) {
  Bench b;
  b.open_session();
  b.tell(wire::Wait{"node-b"});
  EXPECT_EQ(b.role().name(), Name::waiting);
  b.measure_service();
  b.worker().add(done(0.5, 1));
  b.worker().add(done(1.5, 2));
  b.measure(2);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  b.pass(milliseconds(2100));
  b.grant(9, 1);  // the other one stored up to 1
  b.worker().add(done(2.05, 3));
  b.worker().add(done(2.5, 4));
  b.measure(4);
  const auto sent = b.sent<window::Record>();
  EXPECT_THAT(spans(sent), ::testing::ElementsAre(window::Span{at(2), at(3)}, window::Span{at(3), at(4)}));
  EXPECT_EQ(sent.at(0).covered, span(2.1, 3)) << "begins at its admission";
  EXPECT_EQ(transactions(sent), 1u);
}

TEST(Row, NobodyHasStoredAnything_TheShadowIsSent) {
  Bench b;
  b.open_session();
  b.define(1, 1);
  b.instruct(1, {{1, 1}});
  b.workers_follow(at(0));
  b.measure(1);
  b.grant(1, -1);
  EXPECT_THAT(begins(b.sent<window::Record>()), ::testing::ElementsAre(at(0)));
  EXPECT_EQ(b.sent<window::Record>()[0].epoch, 1u);
}

TEST(Row, Demotion_EndsTheGrant_AndThePromotionAfterItIsANewClaim) {
  Bench b;
  b.monitor_and_admit();
  b.measure(1);
  b.ack(0, 1);
  b.take(b.role().demote(b.now()));
  EXPECT_EQ(b.role().name(), Name::standby);
  EXPECT_EQ(b.heartbeat().epoch, 0u);
  EXPECT_FALSE(b.heartbeat().promoted);
  b.measure(2);
  b.pass(Seconds(3));
  b.take(b.role().promote(b.now()));
  EXPECT_TRUE(b.heartbeat().promoted);
  EXPECT_EQ(b.heartbeat().held, 5u) << "so the manager knows that this is a new claim";
  EXPECT_EQ(b.heartbeat().claim_age, Nanos(0));
  b.forget();
  b.grant(6, 1);
  EXPECT_THAT(begins(b.sent<window::Record>()), ::testing::ElementsAre(at(1))) << "nobody else was at work meanwhile: nothing is lost";
  EXPECT_EQ(b.sent<window::Record>()[0].epoch, 6u);
}

TEST(Row, Demotion_NothingIsCutWithoutAGrant_AndWhatWasCutBeforeIsNotCutAgain) {
  Bench b;
  b.monitor_and_admit();
  b.measure(1);
  b.ack(0, 1);
  b.worker().add(done(1.5, 1));
  b.measure(3);
  ASSERT_EQ(b.role().measured(), 3u);
  b.take(b.role().demote(b.now()));
  b.measure(5);
  EXPECT_EQ(b.role().measured(), 3u);
  EXPECT_EQ(b.role().spool().size(), 2u) << "those that were cut, and no other";
  b.take(b.role().promote(b.now()));
  b.forget();
  b.grant(6, 1);
  EXPECT_THAT(begins(b.sent<window::Record>()), ::testing::ElementsAre(at(1), at(2), at(3), at(4)));
  EXPECT_EQ(transactions(b.sent<window::Record>()), 1u);
  EXPECT_EQ(b.role().spool().out_of_order(), 0u) << "records begin where those that are kept end";
}

TEST(Row, AGrantThatCrossesADemotionIsNotTaken) {
  Bench b;
  b.open_session();
  b.take(b.role().demote(b.now()));
  b.grant(5, -1);
  EXPECT_EQ(b.role().name(), Name::standby);
}

TEST(Row, ARepeatedGrantChangesNothing) {
  Bench b;
  b.monitor_and_admit();
  b.measure(1);
  b.forget();
  b.grant(5, 0);
  EXPECT_TRUE(b.sent<window::Record>().empty());
  EXPECT_EQ(b.role().spool().size(), 1u);
}

TEST(Row, Stopping_TheReportCarriesTheLastNumberOnlyAfterItIsCarriedOut) {
  Bench b;
  b.monitor_and_admit();
  b.instruct(2, {});
  b.pass(milliseconds(300));
  EXPECT_EQ(b.heartbeat().applied, 1u);
  EXPECT_TRUE(b.heartbeat().services[0].monitoring);
  b.workers_follow(at(2.5));
  EXPECT_EQ(b.heartbeat().applied, 2u);
  ASSERT_EQ(b.heartbeat().services.size(), 1u);
  EXPECT_FALSE(b.heartbeat().services[0].monitoring);
  EXPECT_EQ(b.heartbeat().services[0].since, at(2.5));
  b.instruct(3, {{1, 1}});
  b.workers_follow(at(2.7));
  EXPECT_TRUE(b.heartbeat().services[0].monitoring);
}

TEST(Row, StopAndStartBeforeTheWorkersFollow_TheOldConfirmationConfirmsNothing) {
  Bench b;
  b.monitor_and_admit();
  b.instruct(2, {});
  const std::uint64_t stop_generation = b.last<Measure>()->generation;
  b.instruct(3, {{1, 1}});
  b.take(b.role().applied(b.now(), stop_generation, {}, at(1)));
  b.pass(milliseconds(300));
  EXPECT_EQ(b.heartbeat().applied, 1u);
  b.workers_follow(at(1.1));
  EXPECT_EQ(b.heartbeat().applied, 3u);
}

TEST(Row, ARepeatedInstructionChangesNothing) {
  Bench b;
  b.monitor_and_admit();
  b.forget();
  b.instruct(1, {{1, 1}});
  b.instruct(2, {{1, 1}});
  EXPECT_EQ(b.count<Measure>(), 0u);
  EXPECT_EQ(b.heartbeat().applied, 2u);
}

wire::Instruction discovery(std::uint64_t number, std::uint64_t job) {
  wire::Instruction i;
  i.number = number;
  i.services = {{1, 1}};
  i.discovery_job = job;
  i.discovery_source = *parse_ip_prefix("192.0.2.0/24");
  i.discovery_limit = Seconds(600);
  return i;
}

TEST(Row, Discovery_IsCarriedOutOnceAndReportedWhenEveryWorkerDoes) {
  Bench b;
  b.monitor_and_admit();
  b.tell(discovery(2, 9));
  b.tell(discovery(2, 9));
  ASSERT_EQ(b.count<Discover>(), 1u);
  EXPECT_EQ(b.last<Discover>()->job, 9u);
  EXPECT_EQ(to_string(*b.last<Discover>()->source), "192.0.2.0/24");
  EXPECT_EQ(b.last<Discover>()->limit, Nanos(Seconds(600)));
  EXPECT_EQ(b.heartbeat().discovery_job, 0u);
  b.take(b.role().discovering(b.now(), 9));
  EXPECT_EQ(b.heartbeat().discovery_job, 9u);
  b.tell(discovery(3, 0));
  ASSERT_EQ(b.count<Discover>(), 2u);
  EXPECT_EQ(b.last<Discover>()->job, 0u);
  b.take(b.role().discovering(b.now(), 9));  // late: of the job before
  EXPECT_EQ(b.heartbeat().discovery_job, 9u);
  b.take(b.role().discovering(b.now(), 0));
  EXPECT_EQ(b.heartbeat().discovery_job, 0u);
}

TEST(Row, Discovery_GoesOnWhileTheConnectionIsLost) {
  Bench b;
  b.monitor_and_admit();
  b.tell(discovery(2, 9));
  b.take(b.role().discovering(b.now(), 9));
  b.take(b.role().disconnected(b.now(), "cut"));
  b.pass(milliseconds(500));
  b.open_session();
  EXPECT_EQ(b.count<Discover>(), 1u);
  EXPECT_EQ(b.heartbeat().discovery_job, 9u);
}

TEST(Row, Discovery_EndsWithTheGrant) {
  for (const bool superseded : {false, true}) {
    Bench b;
    b.monitor_and_admit();
    b.tell(discovery(2, 9));
    b.take(b.role().discovering(b.now(), 9));
    if (superseded)
      b.tell(wire::Superseded{5, at(0)});
    else
      b.take(b.role().demote(b.now()));
    EXPECT_EQ(b.last<Discover>()->job, 0u);
    // Another instance's job, seen by mistake, isn't ours.
    b.tell(discovery(3, 9));
    EXPECT_EQ(b.last<Discover>()->job, 0u);
    b.take(b.role().discovering(b.now(), 0));
    EXPECT_EQ(b.heartbeat().discovery_job, 0u);
  }
}

TEST(Row, AnInstructionWithoutItsDefinitionIsNotConfirmed) {
  Bench b;
  b.open_session();
  b.instruct(1, {{1, 1}});
  b.pass(milliseconds(300));
  EXPECT_EQ(b.count<Measure>(), 0u);
  EXPECT_EQ(b.heartbeat().applied, 0u);
}

TEST(Row, AChangedDefinitionTakesEffectAtAWindowsEdge) {
  Bench b;
  b.monitor_and_admit();
  EXPECT_FALSE(b.last<Measure>()->at_edge);
  b.define(1, 2);
  b.instruct(2, {{1, 2}});
  EXPECT_TRUE(b.last<Measure>()->at_edge);
}

TEST(Row, PlannedStop_TheOpenWindowIsCutSentAcknowledged) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().stop(b.now()));
  ASSERT_EQ(b.count<Cut>(), 1u);
  EXPECT_EQ(b.count<Finished>(), 0u);
  b.end_at(0.4);
  EXPECT_EQ(b.count<Finished>(), 0u) << "sent, not stored yet";
  b.ack(0, 0.4);
  ASSERT_EQ(b.count<Finished>(), 1u);
  EXPECT_EQ(b.last<Finished>()->undelivered, 0u);
  EXPECT_EQ(b.sent<wire::Bye>().size(), 1u);
}

TEST(Row, PlannedStop_TheManagerIsAway_TheWaitIsBounded) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  b.take(b.role().stop(b.now()));
  b.end_at(0.4);
  b.pass(milliseconds(4900));
  EXPECT_EQ(b.count<Finished>(), 0u);
  b.pass(milliseconds(200));
  ASSERT_EQ(b.count<Finished>(), 1u);
  EXPECT_EQ(b.last<Finished>()->undelivered, 1u);
}

TEST(Row, PlannedStop_AStandbyHasEverything_NothingIsSent) {
  Bench b;
  b.monitor_and_admit();
  wire::Beat beat;
  beat.standby_ok = true;
  b.tell(beat);
  b.take(b.role().stop(b.now()));
  EXPECT_EQ(b.count<Cut>(), 0u);
  EXPECT_EQ(b.count<Finished>(), 1u);
}

TEST(Row, NotAdmitted_AStopEndsAtOnce) {
  Bench b;
  b.open_session();
  b.take(b.role().stop(b.now()));
  EXPECT_EQ(b.count<Finished>(), 1u);
}

// ---- on_isolation

Options ending_after(Nanos isolation) {
  Options o;
  o.isolation = isolation;
  return o;
}

TEST(Isolation, ActiveAndMonitoringWithoutASession_ItEndsAtOnceAndSaysWhy) {
  Bench b(ending_after(Seconds(5)));
  b.monitor_and_admit();
  b.pass(Seconds(20));
  b.take(b.role().disconnected(b.now(), "closed"));
  b.measure(1);
  b.pass(milliseconds(4900));
  EXPECT_EQ(b.count<Finished>(), 0u);
  b.pass(milliseconds(100));
  ASSERT_EQ(b.count<Finished>(), 1u);
  EXPECT_TRUE(b.last<Finished>()->isolated);
  EXPECT_EQ(b.last<Finished>()->undelivered, 1u);
  EXPECT_EQ(b.last<Say>()->level, Say::Level::error);
  EXPECT_EQ(b.last<Say>()->fields[0].second, "5s");
  b.forget();
  b.pass(Seconds(5));
  EXPECT_EQ(b.count<Connect>() + b.count<Finished>(), 0u) << "it is over";
}

TEST(Isolation, ItStaysWhereNobodyAskedForTheEnd) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  b.pass(std::chrono::hours(1));
  EXPECT_EQ(b.count<Finished>(), 0u);
  b.role().set_isolation(Seconds(5));  // a reload
  b.pass(milliseconds(50));
  EXPECT_EQ(b.count<Finished>(), 1u);
}

TEST(Isolation, ASessionInBetweenBeginsItAnew) {
  Bench b(ending_after(Seconds(5)));
  b.monitor_and_admit();
  for (int i = 0; i < 3; ++i) {
    b.take(b.role().disconnected(b.now(), "closed"));
    b.pass(Seconds(4));
    b.open_session();
  }
  EXPECT_EQ(b.count<Finished>(), 0u);
}

TEST(Isolation, AGreetingOnItsWayIsWaitedFor_ButNotForEver) {
  Bench b(ending_after(Seconds(5)));
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  b.pass(milliseconds(4900));
  b.take(b.role().connected(b.now()));
  b.pass(milliseconds(500));
  EXPECT_EQ(b.count<Finished>(), 0u);
  b.pass(milliseconds(600));
  EXPECT_EQ(b.count<Finished>(), 1u);
}

TEST(Isolation, WhoMonitorsNothingStays) {
  Bench b(ending_after(Seconds(5)));
  b.open_session();
  b.grant(5, -1);
  b.take(b.role().disconnected(b.now(), "closed"));
  b.pass(Seconds(60));
  EXPECT_EQ(b.count<Finished>(), 0u);
}

TEST(Isolation, WhoIsNotActiveStays_AStandbyOrOneThatHasNeverReachedTheManager) {
  Options o = ending_after(Seconds(5));
  Bench never(o);
  never.pass(Seconds(60));
  EXPECT_EQ(never.count<Finished>(), 0u);
  o.promoted = false;
  Bench standby(o);
  standby.open_session();
  standby.measure_service();
  standby.take(standby.role().disconnected(standby.now(), "closed"));
  standby.pass(Seconds(60));
  EXPECT_EQ(standby.count<Finished>(), 0u);
}

TEST(Isolation, AStopThatHasBegunEndsAsAStop) {
  Bench b(ending_after(Seconds(5)));
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "closed"));
  b.pass(Seconds(3));
  b.take(b.role().stop(b.now()));
  b.pass(Seconds(6));
  ASSERT_EQ(b.count<Finished>(), 1u);
  EXPECT_FALSE(b.last<Finished>()->isolated);
}

TEST(Session, BackOffGrowsToTheLimitWithJitter) {
  Bench b;
  std::vector<Nanos> waits;
  for (int i = 0; i < 8; ++i) {
    b.take(b.role().disconnected(b.now(), "refused"));
    const MonoTime from = b.now();
    const std::size_t before = b.count<Connect>();
    while (b.count<Connect>() == before) b.pass(milliseconds(50));
    waits.push_back(b.now() - from);
  }
  EXPECT_LE(waits[0], milliseconds(100));
  for (std::size_t i = 5; i < waits.size(); ++i) {
    EXPECT_GE(waits[i], milliseconds(400));
    EXPECT_LE(waits[i], milliseconds(850));
  }
}

TEST(Session, AnotherProtocolVersionIsSaidClearlyAndTriedSlowly) {
  Bench b;
  b.take(b.role().connected(b.now()));
  wire::Refusal refusal;
  refusal.reason = wire::Refusal::Reason::protocol;
  refusal.protocol_min = 7;
  refusal.protocol_max = 9;
  b.tell(refusal);
  const Say* say = b.last<Say>();
  ASSERT_NE(say, nullptr);
  EXPECT_THAT(say->fields[0].second, ::testing::HasSubstr("7 to 9, we speak 1 to 1"));
  EXPECT_EQ(b.count<Disconnect>(), 1u);
  b.pass(Seconds(9));
  EXPECT_EQ(b.count<Connect>(), 1u);
  b.pass(Seconds(2));
  EXPECT_EQ(b.count<Connect>(), 2u);
}

TEST(Session, AManagerThatSpeaksOutOfOrderIsDropped) {
  Bench b;
  b.take(b.role().connected(b.now()));
  b.tell(wire::Beat{});
  EXPECT_EQ(b.count<Disconnect>(), 1u);
  Bench c;
  c.open_session();
  c.tell(wire::Hello{});
  EXPECT_EQ(c.count<Disconnect>(), 1u);
}

TEST(Session, WhatAnOldConnectionSaysIsNotHeard) {
  Bench b;
  b.monitor_and_admit();
  b.take(b.role().disconnected(b.now(), "reset"));
  b.tell(wire::Superseded{5, at(1)});
  EXPECT_EQ(b.role().name(), Name::active);
}

TEST(Whole, OnlyWithoutAHoleSinceTheEndOfWhatIsStored) {
  Bench b;
  b.monitor_and_admit();
  b.measure(0.7);
  b.pass(milliseconds(300));
  EXPECT_FALSE(b.heartbeat().whole) << "nothing is stored: there is a hole before 0";
  b.measure(1);
  b.ack(0, 1);
  b.measure(2.2);
  b.pass(milliseconds(300));
  EXPECT_TRUE(b.heartbeat().whole);
  EXPECT_EQ(b.heartbeat().since, at(1));
  b.measure(2.5, span(2.3, 2.4));
  b.pass(milliseconds(300));
  EXPECT_FALSE(b.heartbeat().whole);
}

}  // namespace
}  // namespace nezu::probe::role
