#include "probe/match/matcher.h"

#include <gmock/gmock.h>

#include "common/base/random.h"
#include "probe/match/condition.h"

namespace nezu::probe::match {
namespace {

using definition::PathCondition;
using definition::Service;
using definition::WebTransaction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Request {
  std::string host = "shop.example.net", method = "GET", uri = "/", head = {};
  std::uint16_t port = 80;
  Transaction view() const {
    Transaction t;
    t.host = host;
    t.method = method;
    t.uri = uri;
    t.request_head = head;
    t.server.port = port;
    return t;
  }
};

std::vector<Target> match_one(const Matcher& m, const Request& r) {
  Scratch scratch;
  std::vector<Target> out;
  m.match(r.view(), scratch, out);
  return out;
}

Service service(std::string name) {
  Service s;
  s.name = std::move(name);
  return s;
}
WebTransaction named(std::string name) {
  WebTransaction w;
  w.name = std::move(name);
  return w;
}

TEST(Matcher, HostExactWildcardAndAny) {
  Service exact = service("exact"), wild = service("wild"), any = service("any");
  exact.hosts = {"shop.example.net"};
  wild.hosts = {"*.example.net"};
  const Matcher m({exact, wild, any});
  EXPECT_THAT(match_one(m, {}), ElementsAre(0, 1, 2));
  EXPECT_THAT(match_one(m, {.host = "SHOP.Example.NET."}), ElementsAre(0, 1, 2));
  EXPECT_THAT(match_one(m, {.host = "a.b.example.net"}), ElementsAre(1, 2));
  EXPECT_THAT(match_one(m, {.host = "example.net"}), ElementsAre(2)) << "*.x asks for something before the dot";
  EXPECT_THAT(match_one(m, {.host = "shop.example.net.evil"}), ElementsAre(2));
  EXPECT_THAT(match_one(m, {.host = ""}), ElementsAre(2));
}

TEST(Matcher, PortsAndPathPrefixes) {
  Service s = service("s");
  s.ports = {80, 8080};
  s.paths = {"/checkout", "/checkout/pay"};
  const Matcher m({s});
  EXPECT_THAT(match_one(m, {.uri = "/checkout/pay?x=1"}), ElementsAre(0)) << "two prefixes hold, one service";
  EXPECT_THAT(match_one(m, {.uri = "/checkout", .port = 8080}), ElementsAre(0));
  EXPECT_THAT(match_one(m, {.uri = "/checkout", .port = 81}), IsEmpty());
  EXPECT_THAT(match_one(m, {.uri = "/check?/checkout"}), IsEmpty()) << "the query is no path";
}

TEST(Matcher, ConditionsOfATransaction) {
  Service s = service("s");
  WebTransaction pay = named("pay");
  pay.methods = {"POST"};
  pay.path = {PathCondition::Kind::prefix, "/pay"};
  pay.query = {{"step", "2 a"}, {"token", "*"}};
  pay.headers = {{"x-channel", "mobile"}};
  pay.cookies = {{"ab", "b"}};
  s.transactions = {pay};
  const Matcher m({s});
  const Request good{.method = "POST",
                     .uri = "/pay/now?token=&step=2%20a",
                     .head = "POST /pay HTTP/1.1\r\nHost: x\r\nX-Channel:  mobile \r\nCookie: z=1; ab=\"b\"\r\n\r\n"};
  EXPECT_THAT(match_one(m, good), ElementsAre(0, 1));
  const auto but = [&](auto change) {
    Request r = good;
    change(r);
    return match_one(m, r);
  };
  EXPECT_THAT(but([](Request& r) { r.method = "GET"; }), ElementsAre(0));
  EXPECT_THAT(but([](Request& r) { r.uri = "/pay/now?token=1&step=2"; }), ElementsAre(0));
  EXPECT_THAT(but([](Request& r) { r.uri = "/pay/now?step=2+a"; }), ElementsAre(0)) << "no token";
  EXPECT_THAT(but([](Request& r) { r.uri = "/pay/now?step=2+a&token"; }), ElementsAre(0, 1));
  EXPECT_THAT(but([](Request& r) { r.head = ""; }), ElementsAre(0)) << "the head isn't at hand: not told, not matched";
  EXPECT_THAT(but([](Request& r) { r.head = "POST / HTTP/1.1\r\nx-channel: mobile\r\nCookie: ab=c\r\n\r\n"; }), ElementsAre(0));
}

TEST(Matcher, AResponseWithoutItsRequestBelongsNowhere) {
  const Matcher m({service("s")});
  Transaction t;
  t.completeness = Completeness::no_request;
  Scratch scratch;
  std::vector<Target> out{7};
  m.match(t, scratch, out);
  EXPECT_THAT(out, IsEmpty());
}

TEST(Matcher, TargetsAreNumberedInOrder) {
  Service a = service("a"), b = service("b");
  a.transactions = {named("1"), named("2")};
  b.transactions = {named("1")};
  const Matcher m({a, b});
  EXPECT_EQ(m.target_count(), 5u);
  EXPECT_EQ(m.first_target(1), 3u);
  EXPECT_EQ(m.service_of(2), 0u);
  EXPECT_EQ(m.service_of(4), 1u);
}

TEST(Path, Kinds) {
  EXPECT_TRUE(path_matches({PathCondition::Kind::suffix, ".jpg"}, "/a.jpg"));
  EXPECT_FALSE(path_matches({PathCondition::Kind::suffix, ".jpg"}, "jpg"));
  EXPECT_TRUE(path_matches({PathCondition::Kind::contains, "b/c"}, "/a/b/c/d"));
  EXPECT_FALSE(path_matches({PathCondition::Kind::exact, "/a"}, "/a/"));
}

// Definitions and requests from a small alphabet, so that they meet; the index must answer as the plain way does.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.below(n)); }
  bool chance(std::size_t percent) { return below(100) < percent; }
  std::string word() {
    std::string s;
    for (std::size_t i = 1 + below(3); i > 0; --i) s.push_back(static_cast<char>('a' + below(2)));
    return s;
  }
  std::string path() {
    std::string s;
    for (std::size_t i = 1 + below(3); i > 0; --i) s += "/" + word();
    return s;
  }
  std::string host() {
    std::string s = word();
    for (std::size_t i = below(3); i > 0; --i) s += "." + word();
    return s;
  }
  std::map<std::string, std::string> pairs() {
    std::map<std::string, std::string> m;
    if (chance(20)) m[word()] = chance(20) ? "*" : word();
    return m;
  }
  Service make_service() {
    Service s = service(word());
    for (std::size_t i = below(3); i > 0; --i) s.hosts.push_back(chance(40) ? "*." + host() : host());
    if (chance(30)) s.ports = {80, static_cast<std::uint16_t>(80 + below(3))};
    for (std::size_t i = below(3); i > 0; --i) s.paths.push_back(path());
    for (std::size_t i = below(30); i > 0; --i) s.transactions.push_back(make_transaction());
    return s;
  }
  WebTransaction make_transaction() {
    WebTransaction w = named("t");
    if (chance(30)) w.methods = {"GET"};
    if (chance(10)) w.methods = {"GET", "POST"};
    w.path.kind = static_cast<PathCondition::Kind>(below(5));
    if (w.path.kind != PathCondition::Kind::any) w.path.value = w.path.kind < PathCondition::Kind::suffix ? path() : word();
    w.query = pairs();
    w.headers = pairs();
    w.cookies = pairs();
    return w;
  }
  Request make_request() {
    Request r;
    r.host = host();
    r.method = chance(50) ? "GET" : "POST";
    r.uri = path();
    if (chance(60)) r.uri += "?" + word() + "=" + word() + "&" + word() + "=" + word();
    r.head =
        "GET / HTTP/1.1\r\n" + word() + ": " + word() + "\r\ncookie: " + word() + "=" + word() + "; " + word() + "=" + word() + "\r\n\r\n";
    r.port = static_cast<std::uint16_t>(80 + below(3));
    return r;
  }

 private:
  SeededRandom random_;
};

TEST(Matcher, AnswersAsThePlainWayDoes) {
  std::uint64_t hits = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Generator g(seed);
    std::vector<Service> services;
    for (std::size_t i = 1 + g.below(30); i > 0; --i) services.push_back(g.make_service());
    const Matcher m(services);
    Scratch scratch;
    std::vector<Target> got, wanted;
    for (int i = 0; i < 300; ++i) {
      const Request r = g.make_request();
      m.match(r.view(), scratch, got);
      match_naively(services, r.view(), wanted);
      ASSERT_EQ(got, wanted) << "seed " << seed << " request " << r.host << ":" << r.port << " " << r.method << " " << r.uri;
      hits += got.size();
    }
  }
  EXPECT_GT(hits, 50'000u) << "the requests must meet the definitions, or nothing was compared";
}

}  // namespace
}  // namespace nezu::probe::match
