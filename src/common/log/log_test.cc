#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <thread>
#include <vector>

#include "common/base/fake_clock.h"
#include "common/log/memory_logger.h"

namespace nezu::log {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class Lines final : public Sink {
 public:
  void line(std::string_view line) override { all.emplace_back(line); }
  std::vector<std::string> all;
};

struct Logged {
  explicit Logged(Options options = {}) : sink(std::make_shared<Lines>()) {
    clock.set_wall(wall_time_ns(1'795'504'205'250'999'999));
    logger = make_logger(options, clock, sink);
  }
  FakeClock clock;
  std::shared_ptr<Lines> sink;
  std::unique_ptr<Logger> logger;
};

TEST(Log, TextForm) {
  Logged l;
  l.logger->info("session opened",
                 {{"probe", "edge"}, {"epoch", 17U}, {"node", "寝番"}, {"delay", Millis(250)}, {"up", true}, {"rate", 0.5}});
  l.logger->warning("x");
  EXPECT_THAT(l.sink->all,
              ElementsAre("2026-11-24T07:10:05.250Z info    session opened probe=edge epoch=17 node=寝番 delay=250ms up=true rate=0.5",
                          "2026-11-24T07:10:05.250Z warning x"));
}

TEST(Log, JsonForm) {
  Logged l({.format = Format::json});
  l.logger->info("session opened",
                 {{"probe", "e\"d\\ge\n"}, {"epoch", -1}, {"d", Seconds(3)}, {"n", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_THAT(l.sink->all, ElementsAre(R"({"time":"2026-11-24T07:10:05.250Z","level":"info","text":"session opened",)"
                                       R"("probe":"e\"d\\ge\n","epoch":-1,"d":"3s","n":null})"));
}

TEST(Log, JournalForm) {
  Logged l({.level = Level::debug, .journal = true});
  l.logger->debug("a");
  l.logger->info("b");
  l.logger->warning("c");
  l.logger->error("d");
  EXPECT_THAT(l.sink->all, ElementsAre("<7>a", "<6>b", "<4>c", "<3>d"));
  ::setenv("JOURNAL_STREAM", "8:1", 1);
  EXPECT_TRUE(journal_from_environment());
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(journal_from_environment());
}

TEST(Log, AStrangersBytesCantForgeALineOrSteerATerminal) {
  Logged l;
  l.logger->info("refused", {{"host", "a\nlevel=error \x1b[2J"}, {"empty", ""}, {"bad", "\xff\xc2\x9b"}, {"eq", "a=b"}});
  EXPECT_THAT(l.sink->all[0], EndsWith(R"(refused host="a\nlevel=error \u001b[2J" empty="" bad=")"
                                       "\xef\xbf\xbd"
                                       R"(\u009b" eq="a=b")"));
}

TEST(Log, LevelsAreFiltered) {
  Logged l({.level = Level::warning});
  l.logger->info("no");
  l.logger->error("yes", Error(ErrorCode::no_space, "disk full"), {{"file", "manager.db"}});
  EXPECT_FALSE(l.logger->enabled(Level::info));
  l.logger->set_level(Level::debug);
  l.logger->debug("now");
  ASSERT_EQ(l.sink->all.size(), 2U);
  EXPECT_THAT(l.sink->all[0], EndsWith(R"(error   yes code=no_space error="disk full" file=manager.db)"));
}

TEST(Log, RepeatsAreSuppressedAndCounted) {
  Logged l({.burst = 3, .burst_period = Seconds(10)});
  for (int i = 0; i < 10; ++i) l.logger->warning("refused", {{"i", i}});
  l.logger->error("refused");
  l.logger->warning("other");
  EXPECT_EQ(l.sink->all.size(), 5U);
  l.clock.advance(Seconds(10));
  l.logger->warning("refused", {{"i", 10}});
  EXPECT_THAT(l.sink->all.back(), EndsWith("refused i=10 suppressed=7"));
  l.logger->warning("refused", {{"i", 11}});
  EXPECT_THAT(l.sink->all.back(), EndsWith("refused i=11"));
}

TEST(Log, WhatWasSuppressedAtTheEndIsToldToo) {
  Logged l({.burst = 1});
  for (int i = 0; i < 5; ++i) l.logger->info("tick");
  l.logger.reset();
  ASSERT_EQ(l.sink->all.size(), 2U);
  EXPECT_THAT(l.sink->all.back(), EndsWith("tick suppressed=4"));
}

TEST(Log, LinesOfManyThreadsStayWhole) {
  Logged l({.burst = 1'000'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&l] {
      for (int i = 0; i < 2000; ++i) l.logger->info("same", {{"value", "abc"}});
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(l.sink->all.size(), 8000U);
  EXPECT_THAT(l.sink->all, testing::Each(EndsWith("info    same value=abc")));
}

TEST(Log, WordsOfTheConfiguration) {
  EXPECT_EQ(*parse_level("warning"), Level::warning);
  EXPECT_EQ(parse_level("loud").error().message(), "'loud': wanted debug, info, warning or error");
  EXPECT_EQ(*parse_format("json"), Format::json);
  EXPECT_FALSE(parse_format("xml").ok());
}

TEST(MemoryLogger, KeepsLines) {
  MemoryLogger logger;
  logger.info("session opened", {{"probe", "edge"}});
  EXPECT_THAT(logger.lines(), ElementsAre("info    session opened probe=edge"));
  EXPECT_TRUE(logger.contains("probe=edge"));
  logger.clear();
  EXPECT_FALSE(logger.contains("probe=edge"));
}

}  // namespace
}  // namespace nezu::log
