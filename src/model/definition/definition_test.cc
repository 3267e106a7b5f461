#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "model/definition/service.h"

namespace nezu::definition {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kExample = R"(apiVersion: nezuban/v1
services:
  - group: shop
    name: checkout
    probes: [edge]                # logical probes that watch it; left out: all
    hosts: [Shop.example.net, "*.shop.example.net"]
    ports: [80, 8080]
    paths: [/checkout]
    errors: [404, 429]
    transactions:
      - name: pay
        methods: [POST]
        path: {prefix: /checkout/pay}
        query: {step: "2"}
        headers: {X-Channel: mobile}
        cookies: {ab: b}
  - name: 決済
)";

std::vector<Service> example() {
  auto services = parse_yaml(kExample, "services.yaml");
  EXPECT_TRUE(services.ok()) << (services.ok() ? "" : services.error().message());
  return services.ok() ? *services : std::vector<Service>{};
}

TEST(Definition, TheExampleOfTheHeader) {
  const auto services = example();
  ASSERT_EQ(services.size(), 2U);
  const Service& s = services[0];
  EXPECT_EQ(s.full_name(), "shop/checkout");
  EXPECT_THAT(s.probes, ElementsAre("edge"));
  EXPECT_THAT(s.hosts, ElementsAre("shop.example.net", "*.shop.example.net"));
  EXPECT_THAT(s.ports, ElementsAre(80, 8080));
  EXPECT_THAT(s.paths, ElementsAre("/checkout"));
  EXPECT_THAT(s.errors, ElementsAre(404, 429));
  ASSERT_EQ(s.transactions.size(), 1U);
  const WebTransaction& t = s.transactions[0];
  EXPECT_EQ(t.name, "pay");
  EXPECT_THAT(t.methods, ElementsAre("POST"));
  EXPECT_EQ(t.path, (PathCondition{PathCondition::Kind::prefix, "/checkout/pay"}));
  EXPECT_EQ(t.query.at("step"), "2");
  EXPECT_EQ(t.headers.at("x-channel"), "mobile");
  EXPECT_EQ(t.cookies.at("ab"), "b");
  EXPECT_EQ(services[1].full_name(), "決済");
  Service bare;
  bare.name = "決済";
  EXPECT_EQ(services[1], bare);
}

std::string any_name(Random& random) {
  constexpr std::string_view pieces[] = {"a", "B", "9", "決", "済", "ー", "é", ".", "_", "-", "カ", "true", "null", "1e3", "0x1", "~"};
  while (true) {
    std::string name;
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n) name += pieces[random.below(15)];
    if (check_name(name).ok() && name != kAllWebAccess) return name;
  }
}

std::string any_value(Random& random) {
  constexpr std::string_view pieces[] = {"a", "\"", "\\", ": ", "#", "{",  "]",  ",", "'", "&",   "*", "!",     "|",
                                         ">", "%",  "@",  "`",  " ", "寝", "🌙", "-", "?", "yes", "5", "\u00e9"};
  std::string value;
  for (std::uint64_t n = random.below(6); n > 0; --n) value += pieces[random.below(25)];
  return value;
}

template <class Make>
auto several(Random& random, Make make) {
  std::vector<decltype(make())> items;
  for (std::uint64_t n = random.below(4); n > 0; --n) {
    auto item = make();
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(std::move(item));
  }
  return items;
}

Service any_service(Random& random) {
  Service s;
  if (random.below(2) == 0) s.group = any_name(random);
  s.name = any_name(random);
  s.probes = several(random, [&] { return any_name(random); });
  s.hosts = several(random, [&] {
    constexpr std::string_view hosts[] = {"a.example", "*.b.example", "192.0.2.1", "[2001:db8::1]", "xn--8ws00zhy3a.example",
                                          "localhost", "a_b"};
    return std::string(hosts[random.below(7)]);
  });
  s.ports = several(random, [&] { return static_cast<std::uint16_t>(1 + random.below(65'535)); });
  s.paths = several(random, [&] { return "/p" + std::to_string(random.below(100)) + (random.below(2) == 0 ? "*&:,{}[]\"'" : ""); });
  s.errors = several(random, [&] { return static_cast<std::uint16_t>(400 + random.below(100)); });
  for (std::uint64_t n = random.below(4); n > 0; --n) {
    WebTransaction t;
    t.name = any_name(random) + std::to_string(n);
    t.methods = several(random, [&] { return std::string(random.below(2) == 0 ? "GET" : "M-SEARCH"); });
    t.path.kind = static_cast<PathCondition::Kind>(random.below(5));
    if (t.path.kind != PathCondition::Kind::any) t.path.value = "/x" + std::to_string(random.below(10));
    if (random.below(2) == 0) t.query["q" + any_name(random)] = any_value(random);
    if (random.below(2) == 0) t.headers["x-h"] = any_value(random);
    if (random.below(2) == 0) t.cookies["true"] = any_value(random);
    s.transactions.push_back(std::move(t));
  }
  return s;
}

TEST(Definition, ExportAndImportAreTheIdentity) {
  SeededRandom random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Service> services;
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      Service s = any_service(random);
      s.name += "-" + std::to_string(n);
      ASSERT_TRUE(validate(s).ok()) << validate(s).error().message();
      auto from_json = parse_json(to_json(s));
      ASSERT_TRUE(from_json.ok()) << to_json(s) << "\n" << from_json.error().message();
      ASSERT_EQ(*from_json, s) << to_json(s);
      services.push_back(std::move(s));
    }
    const std::string yaml = to_yaml(services);
    auto back = parse_yaml(yaml, "f");
    ASSERT_TRUE(back.ok()) << yaml << "\n" << back.error().message();
    ASSERT_EQ(*back, services) << yaml;
  }
}

TEST(Definition, WrittenAsPeopleWriteIt) {
  EXPECT_EQ(to_yaml(example()), R"(apiVersion: nezuban/v1
services:
  - group: shop
    name: checkout
    probes: [edge]
    hosts: [shop.example.net, "*.shop.example.net"]
    ports: [80, 8080]
    paths: [/checkout]
    errors: [404, 429]
    transactions:
      - name: pay
        methods: [POST]
        path: {prefix: /checkout/pay}
        query: {step: "2"}
        headers: {x-channel: mobile}
        cookies: {ab: b}
  - name: 決済
)");
  EXPECT_EQ(to_yaml({}), "apiVersion: nezuban/v1\nservices: []\n");
  EXPECT_EQ(to_json(example()[1]), R"({"name":"決済"})");
}

TEST(Definition, AllErrorsAtOnceWithTheirPlaceAndPath) {
  const auto services = parse_yaml(R"(apiVersion: nezuban/v2
services:
  - group: a/b
    name: shop
    ports: [80, 70000, 80]
    host: [x]
    hosts: ["shop example", "*", a:80, ""]
    paths: [checkout]
    errors: [500]
    transactions:
      - name: all
        path: {prefix: /a, exact: /b}
      - name: pay
        methods: [GE T]
        headers: {X-A: "1", x-a: "2", "b c": x}
        path: checkout
      - name: pay
        query: {step: }
      - path: {suffix: "?"}
        cookies: [a]
  - {group: a, name: 寝　番}
  - {name: shop}
  - {name: shop}
  -
colour: red
)",
                                   "s.yaml");
  ASSERT_FALSE(services.ok());
  EXPECT_EQ(services.error().code(), ErrorCode::invalid_argument);
  const std::string host =
      "a host without port, as shop.example.net, *.example.net, 192.0.2.1 or [2001:db8::1]; an international name in its xn-- form";
  const std::string name = "a name: 1–63 letters and digits of any script, and . _ -";
  EXPECT_EQ(
      services.error().message(),
      "s.yaml:1:13: apiVersion: 'nezuban/v2': wanted nezuban/v1\n"
      "s.yaml:3:12: services[0].group: 'a/b': wanted " +
          name +
          "\n"
          "s.yaml:5:17: services[0].ports[1]: '70000': wanted a whole number, 1–65535\n"
          "s.yaml:5:24: services[0].ports[2]: 80 is there twice\n"
          "s.yaml:6:5: services[0].host: unknown key; known here: group, name, probes, hosts, ports, paths, errors, transactions\n"
          "s.yaml:7:13: services[0].hosts[0]: \"shop example\": wanted " +
          host +
          "\n"
          "s.yaml:7:29: services[0].hosts[1]: \"*\": wanted a host (leave hosts out for any)\n"
          "s.yaml:7:34: services[0].hosts[2]: 'a:80': wanted " +
          host +
          "\n"
          "s.yaml:7:40: services[0].hosts[3]: \"\": wanted " +
          host +
          "\n"
          "s.yaml:8:13: services[0].paths[0]: 'checkout': wanted a path that begins with / , at most 1024 visible ASCII characters without "
          "? and # (others as %XX)\n"
          "s.yaml:9:14: services[0].errors[0]: '500': wanted a whole number, 400–499\n"
          "s.yaml:11:15: services[0].transactions[0].name: 'all': wanted another name: 'all' is the target that counts every request\n"
          "s.yaml:12:15: services[0].transactions[0].path: wanted one of {exact: …}, {prefix: …}, {suffix: …}, {contains: …}\n"
          "s.yaml:14:19: services[0].transactions[1].methods[0]: 'GE T': wanted an HTTP method, as GET or POST\n"
          "s.yaml:15:34: services[0].transactions[1].headers.x-a: 'x-a' is there twice\n"
          "s.yaml:15:46: services[0].transactions[1].headers.b c: the key 'b c': wanted a name of 1–256 letters, digits and "
          "!#$%&'*+-.^_`|~\n"
          "s.yaml:16:15: services[0].transactions[1].path: 'checkout': wanted a map of keys and values\n"
          "s.yaml:17:15: services[0].transactions[2].name: 'pay' is there twice in this service\n"
          "s.yaml:18:17: services[0].transactions[2].query.step: missing; it must be given\n"
          "s.yaml:19:9: services[0].transactions[3].name: missing; it must be given\n"
          "s.yaml:19:24: services[0].transactions[3].path.suffix: \"?\": wanted a part of a path, 1–1024 visible ASCII characters without "
          "? and # (others as %XX)\n"
          "s.yaml:20:18: services[0].transactions[3].cookies: a list: wanted a map of keys and values\n"
          "s.yaml:21:22: services[1].name: '寝　番': wanted " +
          name +
          "\n"
          "s.yaml:23:12: services[3].name: 'shop' is there twice\n"
          "s.yaml:25:1: services[4]: missing; it must be given\n"
          "s.yaml:25:1: services[4].name: missing; it must be given\n"
          "s.yaml:25:1: colour: unknown key; known here: apiVersion, services");
}

TEST(Definition, NamesOfAnyScriptAndNothingElse) {
  for (const char* name : {"a", "shop.example_1-2", "決済", "トランザクション", "Ａ①", "a..b", "é"})
    EXPECT_TRUE(check_name(name).ok()) << name;
  for (const char* name : {"", ".", "..", "a/b", "a b", "a\n", "\xff", "a\u3000b", "a\u202e", "「a」", "a,b", "a:b"})
    EXPECT_FALSE(check_name(name).ok()) << name;
  std::string longest;
  for (int i = 0; i < 63; ++i) longest += "済";
  EXPECT_TRUE(check_name(longest).ok());
  EXPECT_FALSE(check_name(longest + "a").ok());
}

TEST(Definition, HostPatterns) {
  for (const char* host : {"a", "shop.example.net", "*.example.net", "192.0.2.1", "[::1]", "xn--a-b.jp", "a_b.c"})
    EXPECT_TRUE(check_host_pattern(host).ok()) << host;
  for (const char* host :
       {"", "*", "*.", "*.*.a", "a.*", "A.example", "a..b", ".a", "a.", "-a", "a-.b", "::1", "[]", "[zz::1]", "a:80", "日本.jp", "a/b"}) {
    EXPECT_FALSE(check_host_pattern(host).ok()) << host;
  }
}

TEST(Definition, ValidateFindsWhatAParserWouldHaveRefused) {
  const Service good = example()[0];
  const auto broken = [&](void (*breaks)(Service&)) {
    Service s = good;
    breaks(s);
    const Status status = validate(s);
    return status.ok() ? std::string("well") : status.error().message();
  };
  EXPECT_EQ(broken([](Service&) {}), "well");
  EXPECT_THAT(broken([](Service& s) { s.name = ""; }), HasSubstr("name: '': wanted a name"));
  EXPECT_THAT(broken([](Service& s) { s.group = "a/b"; }), HasSubstr("group: 'a/b'"));
  EXPECT_THAT(broken([](Service& s) { s.ports = {0}; }), HasSubstr("ports[0]: 0: wanted a whole number, 1–65535"));
  EXPECT_THAT(broken([](Service& s) { s.ports = {80, 80}; }), HasSubstr("ports[1]: 80 is there twice"));
  EXPECT_THAT(broken([](Service& s) { s.errors = {503}; }), HasSubstr("errors[0]"));
  EXPECT_THAT(broken([](Service& s) { s.hosts = {"UPPER"}; }), HasSubstr("hosts[0]: 'UPPER'"));
  EXPECT_THAT(broken([](Service& s) { s.probes = {"a", "a"}; }), HasSubstr("probes[1]: 'a' is there twice"));
  EXPECT_THAT(broken([](Service& s) { s.transactions.push_back(s.transactions[0]); }),
              HasSubstr("transactions[1].name: 'pay' is there twice"));
  EXPECT_THAT(broken([](Service& s) { s.transactions[0].methods = {"get"}; }), HasSubstr("transactions[0].methods[0]: 'get'"));
  EXPECT_THAT(broken([](Service& s) { s.transactions[0].headers = {{"X-A", "1"}}; }), HasSubstr("wanted lower case"));
  EXPECT_THAT(broken([](Service& s) { s.transactions[0].path = {PathCondition::Kind::any, "/x"}; }), HasSubstr("wanted no text"));
  EXPECT_THAT(broken([](Service& s) { s.transactions[0].path = {PathCondition::Kind::exact, "x"}; }), HasSubstr("begins with /"));
  EXPECT_THAT(broken([](Service& s) { s.transactions[0].query = {{"a", "b\nc"}}; }), HasSubstr("without control characters"));
  EXPECT_THAT(broken([](Service& s) { s.paths.assign(1001, "/"); }), HasSubstr("wanted at most 1000"));
}

TEST(Definition, JsonSaysThePathOfItsErrors) {
  EXPECT_EQ(parse_json(R"({"name":"a","ports":["80"],"x":1})").error().message(),
            "ports[0]: \"80\": wanted a whole number, 1–65535\n"
            "x: unknown key; known here: group, name, probes, hosts, ports, paths, errors, transactions");
  EXPECT_THAT(parse_json("[1]").error().message(), HasSubstr("wanted a JSON object"));
  EXPECT_THAT(parse_json("{").error().message(), HasSubstr("line 1"));
  EXPECT_EQ(parse_json("{}").error().message(), "name: missing; it must be given");
}

TEST(Definition, TenThousandTransactionsFitAndOneMoreDoesNot) {
  std::string yaml = "apiVersion: nezuban/v1\nservices:\n  - name: s\n    transactions:\n";
  for (int i = 0; i < 10'000; ++i)
    yaml += "      - {name: t" + std::to_string(i) + ", methods: [GET], path: {prefix: /p" + std::to_string(i) + "}}\n";
  auto services = parse_yaml(yaml, "f");
  ASSERT_TRUE(services.ok()) << services.error().message();
  EXPECT_EQ((*services)[0].transactions.size(), 10'000U);
  EXPECT_EQ(*parse_yaml(to_yaml(*services), "f"), *services);
  EXPECT_THAT(parse_yaml(yaml + "      - {name: more}\n", "f").error().message(), HasSubstr("10001 items; wanted at most 10000"));
}

TEST(Differences, AreLinesForPeople) {
  const Service before = example()[0];
  Service after = before;
  EXPECT_THAT(differences(before, after), IsEmpty());
  after.ports = {80};
  after.hosts.clear();
  after.errors.clear();
  after.transactions[0].path = {PathCondition::Kind::exact, "/pay"};
  after.transactions[0].cookies.clear();
  after.transactions.emplace_back().name = "look";
  EXPECT_THAT(differences(before, after),
              ElementsAre("hosts: [shop.example.net, \"*.shop.example.net\"] → any", "ports: [80, 8080] → [80]",
                          "errors: [404, 429] → none", "transactions.pay.path: {prefix: /checkout/pay} → {exact: /pay}",
                          "transactions.pay.cookies: {ab: b} → any", "transactions.look: added"));
  EXPECT_THAT(differences(after, before), testing::Contains("transactions.look: removed"));
  Service swapped = after;
  std::swap(swapped.transactions[0], swapped.transactions[1]);
  EXPECT_THAT(differences(after, swapped), ElementsAre("transactions: in another order"));
}

TEST(Differences, AreEmptyOnlyForEqualServices) {
  SeededRandom random(2);
  for (int round = 0; round < 3000; ++round) {
    const Service a = any_service(random), b = any_service(random);
    ASSERT_EQ(differences(a, b).empty(), a == b);
    ASSERT_TRUE(differences(a, a).empty());
  }
}

}  // namespace
}  // namespace nezu::definition
