#include "common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nezu::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

enum class Format { text, json };

struct Settings {
  std::string name;
  std::int64_t workers = 0;
  std::uint64_t ring = 0;
  Nanos grace{0}, offset{0};
  bool insecure = false;
  HostPort address;
  Format format = Format::text;
  std::vector<std::string> lists;
};

Settings read(const Document& document) {
  const Node root = document.root();
  Settings s;
  s.name = root["probe"]["name"].required().string();
  s.workers = root["capture"]["workers"].integer(1, 0, 64);
  s.ring = root["capture"]["ring"].size(64 << 20, 1 << 20, 1 << 30);
  s.offset = root["capture"]["timestamp_offset"].duration(Nanos(0), Seconds(-3600), Seconds(3600));
  s.grace = root["grace"].duration(Millis(500), Nanos(0), Seconds(10));
  s.insecure = root["manager"]["insecure"].boolean(false);
  s.address = root["manager"]["address"].host_port({"127.0.0.1", 7400});
  s.format = root["log"]["format"].choice(Format::text, {{"text", Format::text}, {"json", Format::json}});
  s.lists = root["lists"].strings();
  return s;
}

std::string errors_of(std::string_view text) {
  auto document = Document::parse(text, "probe.yaml");
  if (!document.ok()) return document.error().message();
  read(*document);
  const Status s = document->finish();
  return s.ok() ? "" : s.error().message();
}

TEST(Config, ReadsEachKind) {
  auto document = Document::parse(R"(
probe: {name: 寝番}
manager:
  address: "[::1]:7401"
  insecure: true
capture:
  workers: 4
  ring: 16MiB
  timestamp_offset: -37s
grace: 250ms
log: {format: json}
lists:
  - a
  - "5"
  - 6
)",
                                  "probe.yaml");
  ASSERT_TRUE(document.ok()) << document.error().message();
  const Settings s = read(*document);
  EXPECT_TRUE(document->finish().ok()) << document->finish().error().message();
  EXPECT_EQ(s.name, "寝番");
  EXPECT_EQ(s.workers, 4);
  EXPECT_EQ(s.ring, 16U << 20);
  EXPECT_EQ(s.grace, Millis(250));
  EXPECT_EQ(s.offset, Seconds(-37));
  EXPECT_TRUE(s.insecure);
  EXPECT_EQ(s.address, (HostPort{"::1", 7401}));
  EXPECT_EQ(s.format, Format::json);
  EXPECT_THAT(s.lists, ElementsAre("a", "5", "6"));
}

TEST(Config, WhatIsLeftOutHasItsDefault) {
  auto document = Document::parse("probe:\n  name: edge\nmanager:\ncapture: ~\nlists: []\n", "probe.yaml");
  ASSERT_TRUE(document.ok());
  const Settings s = read(*document);
  EXPECT_TRUE(document->finish().ok()) << document->finish().error().message();
  EXPECT_EQ(s.workers, 1);
  EXPECT_EQ(s.ring, 64U << 20);
  EXPECT_EQ(s.address.port, 7400);
}

TEST(Config, AllErrorsOfAFileAtOnceInOrderWithTheirPlace) {
  EXPECT_EQ(errors_of("grace: 1x\n"
                      "capture:\n"
                      "  workers: x\n"
                      "  rings: 1MiB\n"
                      "  ring: 4KiB\n"
                      "manager: {address: nowhere, 寝番: 1, insecure: \"true\"}\n"
                      "log: {format: xml}\n"
                      "lists: [[a], {b: c}, d]\n"
                      "probe: 5\n"),
            "probe.yaml:1:8: grace: '1x': wanted a duration as 250ms, 30s, 0s–10s\n"
            "probe.yaml:3:12: capture.workers: 'x': wanted a whole number, 0–64\n"
            "probe.yaml:4:3: capture.rings: unknown key; known here: workers, ring, timestamp_offset\n"
            "probe.yaml:5:9: capture.ring: '4KiB': wanted a size as 4096, 64MiB, 1MiB–1GiB\n"
            "probe.yaml:6:20: manager.address: 'nowhere': wanted HOST:PORT, as 127.0.0.1:7400 or [::1]:7400\n"
            "probe.yaml:6:29: manager.寝番: unknown key; known here: insecure, address\n"
            "probe.yaml:6:46: manager.insecure: \"true\": wanted true or false\n"
            "probe.yaml:7:15: log.format: 'xml': wanted one of text, json\n"
            "probe.yaml:8:9: lists[0]: a list: wanted a text\n"
            "probe.yaml:8:14: lists[1]: a map: wanted a text\n"
            "probe.yaml:9:8: probe: '5': wanted a map of keys and values\n"
            "probe.yaml:9:8: probe.name: missing; it must be given");
}

TEST(Config, MissingRequiredKeysPointAtWhatIsThere) {
  EXPECT_EQ(errors_of("probe:\n  name:\n"), "probe.yaml:2:3: probe.name: missing; it must be given");
  EXPECT_EQ(errors_of(""), "probe.yaml: probe.name: missing; it must be given");
  EXPECT_THAT(errors_of("grace: 1s\n"), HasSubstr("probe.name: missing"));
}

TEST(Config, RangesHoldAtTheirEnds) {
  EXPECT_EQ(errors_of("probe: {name: a}\ncapture: {workers: 0}"), "");
  EXPECT_EQ(errors_of("probe: {name: a}\ncapture: {workers: 64}"), "");
  for (const char* number : {"65", "-1", "1.5", "1e1", "0x10", "1_000", "99999999999999999999", "\"1\"", "+1"}) {
    EXPECT_THAT(errors_of(std::string("probe: {name: a}\ncapture: {workers: ") + number + "}"), HasSubstr("wanted a whole number, 0–64"))
        << number;
  }
}

TEST(Config, RefusesWhatYamlAllowsAndPeopleDontMean) {
  EXPECT_THAT(errors_of("a: 1\nb: 2\na: 3\n"), HasSubstr("probe.yaml:3:1: the key 'a' is there twice"));
  EXPECT_THAT(errors_of("a: {x: 1, x: 2}\n"), HasSubstr("probe.yaml:1:11: the key 'x' is there twice"));
  EXPECT_THAT(errors_of("probe: &p {name: a}\nq:\n  <<: *p\n"), HasSubstr("probe.yaml:3:3: a merge key"));
  EXPECT_THAT(errors_of("probe: {name: a}\n---\nb: 1\n"), HasSubstr("a second document"));
  EXPECT_THAT(errors_of("a: !!binary aaaa\n"), HasSubstr("wanted values without tags"));
  EXPECT_THAT(errors_of("a: !mine {b: c}\n"), HasSubstr("wanted values without tags"));
  EXPECT_THAT(errors_of("? [a, b]\n: c\n"), HasSubstr("a key that is no text"));
  EXPECT_THAT(errors_of("a: [1, 2\nb: 3\n"), HasSubstr("no YAML"));
  EXPECT_THAT(errors_of("a: b: c\n"), HasSubstr("probe.yaml:1:"));
  EXPECT_THAT(errors_of("a: \"寝\x01\"\n"), HasSubstr("probe.yaml:1:6: a byte that is no text"));
  EXPECT_THAT(errors_of("a: \xff\n"), HasSubstr("probe.yaml:1:4: a byte that is no text"));
  EXPECT_THAT(errors_of(std::string("a: b\0c\n", 7)), HasSubstr("probe.yaml:1:5: a byte that is no text"));
}

TEST(Config, AliasesAreReadWhereTheyAreUsed) {
  auto document = Document::parse("a: &x [1, 2]\nb: *x\n", "f");
  ASSERT_TRUE(document.ok()) << document.error().message();
  EXPECT_THAT(document->root()["b"].strings(), ElementsAre("1", "2"));
  EXPECT_THAT(document->root()["a"].strings(), ElementsAre("1", "2"));
  EXPECT_TRUE(document->finish().ok());
}

TEST(Config, BombsAreRefused) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_THAT(errors_of(laughs), HasSubstr("more than 100000 values"));
  EXPECT_THAT(errors_of("a: &a [*a]\n"), HasSubstr("an alias that holds itself"));
  EXPECT_THAT(errors_of(std::string(40, '[') + std::string(40, ']')), HasSubstr("more than 32 levels"));
  EXPECT_THAT(errors_of(std::string(100'000, '[')), HasSubstr("probe.yaml:1:"));
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(errors_of(chain), HasSubstr("more than 32 levels"));
  std::string many = "lists: [";
  for (int i = 0; i < 100'001; ++i) many += "a,";
  EXPECT_THAT(errors_of(many + "]"), HasSubstr("more than 100000 values"));
  EXPECT_THAT(errors_of(std::string((4 << 20) + 1, ' ')), HasSubstr("wanted at most 4MiB"));
}

TEST(Config, ManyErrorsAreToldUpToAHundred) {
  std::string text = "probe: {name: a}\n";
  for (int i = 0; i < 150; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(errors_of(text), HasSubstr("… and 50 more errors"));
}

TEST(Config, RulesOfTheCallersAreToldInTheSameForm) {
  auto document = Document::parse("limits:\n  probes: 7\n", "manager.yaml");
  ASSERT_TRUE(document.ok());
  const Node probes = document->root()["limits"]["probes"];
  EXPECT_EQ(probes.integer(1), 7);
  probes.wanted("an even number");
  EXPECT_EQ(document->finish().error().message(), "manager.yaml:2:11: limits.probes: '7': wanted an even number");
}

TEST(Config, EntriesAreInOrderAndKnown) {
  auto document = Document::parse("retention: {1s: 48h, 10s: 14d}\n", "f");
  ASSERT_TRUE(document.ok());
  std::vector<std::string> seen;
  for (const auto& entry : document->root()["retention"].entries())
    seen.push_back(entry.key + "=" + format_duration(entry.value.duration(Nanos(0))));
  EXPECT_THAT(seen, ElementsAre("1s=2d", "10s=14d"));
  EXPECT_TRUE(document->finish().ok());
}

TEST(Config, JsonGoesThroughTheSameRules) {
  auto document =
      Document::from_json(*json::parse(R"({"probe": {"name": 5}, "capture": {"workers": "4"}, "x": 1, "lists": ["a"], "log": null})"));
  ASSERT_TRUE(document.ok());
  read(*document);
  EXPECT_EQ(document->finish().error().message(),
            "probe.name: '5': wanted a text, in quotes\n"
            "capture.workers: \"4\": wanted a whole number, 0–64\n"
            "x: unknown key; known here: probe, capture, grace, manager, log, lists");
}

}  // namespace
}  // namespace nezu::config
