#include "nezuctl/top_model.h"

#include <gtest/gtest.h>

namespace nezuctl {
namespace {

using nezu::json::parse;
constexpr std::int64_t kSecond = 1'000'000'000;

class Top : public ::testing::Test {
 protected:
  Top() : model({}) {
    model.set_services(*parse(R"([{"name":"shop/a","monitoring":{"state":"monitoring"},"definition":{"transactions":[{"name":"pay"}]}},
      {"name":"店/b","monitoring":{"state":"monitoring","interrupted":true},"definition":{}}])"));
    view.columns = 200;
  }
  void window(const std::string& probe, const std::string& begin, const std::string& service, const std::string& kind, int n,
              double average, std::int64_t at) {
    model.on_window(*parse(R"({"probe":")" + probe + R"(","begin":")" + begin + R"(","services":[{"service":")" + service +
                           R"(","target":"all","kind":")" + kind + R"(","transactions":)" + std::to_string(n) + R"(,"throughput":)" +
                           std::to_string(n) + R"(,"errors":1,"response_time":{"average":)" + std::to_string(average) + R"(,"p95":)" +
                           std::to_string(average * 2) + R"(,"max":1}}]})"),
                    at);
  }
  std::string line_of(const std::string& name, std::int64_t now) {
    const std::string text = model.text(view, Zone(true), now, 0);
    const std::size_t at = text.find("\n" + name);
    return at == std::string::npos ? "no line in " + text : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  }

  TopModel model;
  TopView view;
};

TEST_F(Top, AddsUpProbesAndWeighsTheirAverages) {
  window("edge", "t1", "shop/a", "measured", 300, 0.010, kSecond);
  window("core", "t1", "shop/a", "measured", 100, 0.030, kSecond);
  const std::string line = line_of("shop/a", 2 * kSecond);
  EXPECT_NE(line.find(" 400 "), std::string::npos) << line;
  EXPECT_NE(line.find("0.50 %"), std::string::npos) << line;   // 2 of 400
  EXPECT_NE(line.find("15.0 ms"), std::string::npos) << line;  // (300·10 + 100·30) / 400
  EXPECT_NE(line.find("60.0 ms"), std::string::npos) << line;
}

TEST_F(Top, OldWindowsAndGapsAreNotFigures) {
  window("edge", "t1", "shop/a", "measured", 300, 0.010, kSecond);
  EXPECT_EQ(line_of("shop/a", 7 * kSecond).find("300"), std::string::npos);
  window("edge", "t2", "店/b", "gap", 0, 0, 7 * kSecond);
  EXPECT_NE(line_of("店/b", 8 * kSecond).find("gap"), std::string::npos);
  EXPECT_NE(line_of("店/b", 8 * kSecond).find("×"), std::string::npos);
}

TEST_F(Top, AWindowThatWasPartlyCoveredShowsItsFiguresAndSaysSo) {
  model.on_window(
      *parse(
          R"({"probe":"edge","begin":"t","services":[{"service":"shop/a","target":"all","kind":"gap","covered":0.5,"transactions":7,"throughput":14,
    "errors":0,"response_time":null}]})"),
      kSecond);
  EXPECT_NE(line_of("shop/a", kSecond).find("14.0 (gap)"), std::string::npos) << line_of("shop/a", kSecond);
}

TEST_F(Top, SortsFiltersAndScrolls) {
  window("edge", "t1", "店/b", "measured", 900, 0.001, kSecond);
  EXPECT_EQ(model.order(view, kSecond).front().first, "shop/a");
  view.sort = "rate";
  EXPECT_EQ(model.order(view, kSecond).front().first, "店/b");
  view.targets = true;
  view.sort = "name";
  EXPECT_EQ(model.order(view, kSecond), (std::vector<TopModel::Key>{{"shop/a", "all"}, {"shop/a", "pay"}, {"店/b", "all"}}));
  view.first = 2;
  EXPECT_EQ(model.visible(view, kSecond), (std::vector<TopModel::Key>{{"店/b", "all"}}));
  view.first = 99;
  EXPECT_EQ(model.visible(view, kSecond).size(), 1u);
  TopModel only({"店/b"});
  only.set_services(*parse(R"([{"name":"shop/a"},{"name":"店/b"}])"));
  EXPECT_EQ(only.order(view, 0).size(), 1u);
}

TEST_F(Top, FiguresSurviveARefreshOfTheServicesAndGoWithThem) {
  window("edge", "t1", "shop/a", "measured", 300, 0.010, kSecond);
  model.set_services(*parse(R"([{"name":"shop/a","monitoring":{"state":"monitoring"}}])"));
  EXPECT_NE(line_of("shop/a", kSecond).find(" 300 "), std::string::npos);
  EXPECT_EQ(model.text(view, Zone(true), kSecond, 0).find("店/b"), std::string::npos);
  model.set_services(*parse("[]"));
  EXPECT_NE(model.text(view, Zone(true), kSecond, 0).find("no services"), std::string::npos);
}

TEST(Sparkline, ScalesToTheLargest) {
  EXPECT_EQ(sparkline({0, 1, 2, 4, -1}), "▁▂▄█×");
  EXPECT_EQ(sparkline({0, 0}), "▁▁");
  EXPECT_EQ(sparkline({}), "");
}

}  // namespace
}  // namespace nezuctl
