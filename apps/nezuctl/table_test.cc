#include "nezuctl/table.h"

#include <gtest/gtest.h>

#include "nezuctl/context.h"
#include "nezuctl/points.h"

namespace nezuctl {
namespace {

TEST(Table, AlignsWideCharactersAndNumbers) {
  Table table({{"SERVICE"}, {"RATE", true}, {"STATE"}}, false);
  table.row({"shop/checkout", "1.5", "ok"});
  table.row({"店舗/決済", "1234", "ok"});
  EXPECT_EQ(table.text(),
            "SERVICE        RATE  STATE\n"
            "shop/checkout   1.5  ok\n"
            "店舗/決済      1234  ok\n");
}

TEST(Table, CutsLinesToTheTerminal) {
  Table table({{"A"}, {"B"}}, false);
  table.row({"aaaa", "決済決済決済"});
  EXPECT_EQ(table.text(11), "A     B\naaaa  決済…\n");
}

TEST(Table, ColoursDontMoveColumnsAndControlsAreTakenOut) {
  Table table({{"A"}, {"B"}}, true);
  table.row({Cell("x\x1b[2J", Style::bad), "y"});
  EXPECT_EQ(table.text(), "\x1b[1mA\x1b[0m      \x1b[1mB\x1b[0m\n\x1b[31;1mx [2J\x1b[0m  y\n");
}

TEST(Points, AGapWithoutCoverageHasNoFigures) {
  const auto answer = json::parse(
      R"({"points":[{"time":"2026-11-24T07:10:00Z","kind":"gap","covered":0,"transactions":0,"throughput":0,"errors":0,"error_rate":0},
    {"time":"2026-11-24T07:10:01Z","kind":"gap","covered":0.9999,"transactions":7,"throughput":7,"errors":0,"error_rate":0}]})");
  ASSERT_TRUE(answer);
  const std::string table = points_table(*answer, Zone(true), {});
  EXPECT_NE(table.find("gap       0 %         –       –       –           –"), std::string::npos) << table;
  EXPECT_NE(table.find("99.9 %"), std::string::npos) << table;  // never rounded up to 100
  const std::string csv = points_csv((*answer)["points"]);
  EXPECT_NE(csv.find("2026-11-24T07:10:00Z,gap,0,,,,,"), std::string::npos) << csv;
  EXPECT_NE(csv.find("2026-11-24T07:10:01Z,gap,0.9999,7,7,0,0,"), std::string::npos) << csv;
}

TEST(Problems, BecomeWordsAndCodes) {
  const Error error =
      error_of(409, "application/problem+json", R"({"title":"Conflict","detail":"it is monitored","errors":["a",{"detail":"b\nc"}]})");
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_EQ(error.message(), "it is monitored\n  a\n  b\nc");
  EXPECT_EQ(error_of(404, "text/html", "<html>").message(), "the manager answered with status 404");
  EXPECT_EQ(exit_of(error_of(404, "", "").code()), kNotFound);
  EXPECT_EQ(exit_of(error_of(400, "", "").code()), kUsage);
  EXPECT_EQ(exit_of(error_of(500, "", "").code()), kFailed);
  EXPECT_EQ(exit_of(ErrorCode::unavailable), kUnreachable);
}

}  // namespace
}  // namespace nezuctl
