// No pair is better than a wrong pair: conversations from seeds, with packets left out, mixed up and doubled.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "probe/pipeline/conversation.h"

namespace nezu::probe::testing {
namespace {

struct Judgement {
  std::string wrong;  // empty: no fault
  std::size_t paired = 0, complete = 0, classified = 0;
  std::vector<std::uint32_t> start_lost;  // requests whose beginning is said to be doubtful
};

// Nothing may be said that isn't so; what may be left unsaid is judged by the caller.
// `doubtful`: bodies look like heads and several packets are missing: what lies behind a hole may be taken for a request, but then no
// response is given to it, and it is no failure.
Judgement judge(const Conversation& talk, const Outcome& outcome, bool doubtful = false) {
  std::map<std::uint32_t, const Truth*> by_request;
  for (const Truth& t : talk.truth) by_request[t.request_seq] = &t;
  std::map<std::uint32_t, int> seen;
  Judgement j;
  std::uint32_t before = 0;
  bool first = true;
  for (const Transaction& t : outcome.transactions) {
    if (!t.has_request) continue;
    const auto found = by_request.find(t.request_seq);
    if (found == by_request.end() && doubtful && !t.has_response && t.reason == Reason::response_lost) continue;
    if (found == by_request.end()) {
      j.wrong = "a request that never was, at " + std::to_string(t.request_seq);
      return j;
    }
    const Truth& truth = *found->second;
    if (++seen[t.request_seq] > 1) j.wrong = "told twice";
    if (!first && static_cast<std::int32_t>(t.request_seq - before) < 0) j.wrong = "out of order";
    before = t.request_seq;
    first = false;
    if (!t.has_response) {
      ++j.classified;
      if (t.reason == Reason::start_lost) j.start_lost.push_back(t.request_seq);
      continue;
    }
    ++j.paired;
    if (t.response_seq != truth.response_seq || t.status != truth.status) {
      j.wrong = "request at " + std::to_string(t.request_seq) + " paired with a response at " + std::to_string(t.response_seq) +
                ", which is at " + std::to_string(truth.response_seq);
    }
    if (t.completeness != Completeness::complete) continue;
    ++j.complete;
    if (to_ns(t.request_begin) != truth.begin || to_ns(t.response_end) != truth.end) {
      j.wrong = "complete, but wrong times of " + std::to_string(t.request_seq) + ": begin off by " +
                std::to_string(to_ns(t.request_begin) - truth.begin) + ", end by " + std::to_string(to_ns(t.response_end) - truth.end);
    }
    if (t.request_bytes != truth.request_bytes || t.response_bytes != truth.response_bytes) j.wrong = "complete, but wrong bytes";
  }
  return j;
}

std::vector<Packet> without(const std::vector<Packet>& packets, const std::vector<bool>& lost) {
  std::vector<Packet> out;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!lost[i]) out.push_back(packets[i]);
  }
  return out;
}

// Does the request at `seq` have two segments, of which the second one is packet `lost`?
bool only_first_segment_left(const Conversation& talk, std::uint32_t seq, std::size_t lost) {
  std::vector<std::size_t> of_request;
  for (std::size_t i = 0; i < talk.packets.size(); ++i) {
    const Packet& p = talk.packets[i];
    if (p.direction == 1 && !p.payload.empty() && !of_request.empty()) break;
    if (p.direction == 0 && !p.payload.empty() && static_cast<std::int32_t>(p.seq - seq) >= 0) of_request.push_back(i);
  }
  return of_request.size() == 2 && of_request[1] == lost;
}

// More seeds than usual, or others: NEZU_PAIRING_SEEDS=20000 tries each property with so many, NEZU_PAIRING_FIRST is the first of them.
struct Seeds {
  explicit Seeds(std::uint64_t usual) : end(usual) {
    if (const char* n = std::getenv("NEZU_PAIRING_FIRST"); n != nullptr) first = std::strtoull(n, nullptr, 10);
    if (const char* n = std::getenv("NEZU_PAIRING_SEEDS"); n != nullptr) end = std::strtoull(n, nullptr, 10);
    end += first;
  }
  std::uint64_t first = 0, end;
};

Style style_of(std::uint64_t seed) {
  Style style;
  style.depth = seed % 4 == 3 ? 2 + static_cast<int>(seed / 4 % 3) : 1;
  style.evil_bodies = seed % 3 == 0;
  return style;
}

TEST(Pairing, WholeConversationsAreMeasuredExactly) {
  const Seeds seeds(1000);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    Style style = style_of(seed);
    style.first_cut = seed % 2 == 0 ? 24 : 0;
    const Conversation talk(seed, style);
    const Judgement j = judge(talk, run(talk.packets));
    EXPECT_EQ(j.wrong, "") << "seed " << seed;
    EXPECT_EQ(j.complete, talk.truth.size()) << "seed " << seed;
  }
}

TEST(Pairing, EachSinglePacketLost) {
  const Seeds seeds(400);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    const Style style = style_of(seed);
    const Conversation talk(seed, style);
    for (std::size_t lost = 0; lost < talk.packets.size(); ++lost) {
      std::vector<bool> gone(talk.packets.size());
      gone[lost] = true;
      // The rest of an upload, in pieces that look like requests, is what a pipelining client would send.
      const Judgement j = judge(talk, run(without(talk.packets, gone)), style.evil_bodies && style.depth != 1);
      EXPECT_EQ(j.wrong, "") << "seed " << seed << ", packet " << lost;
      if (style.depth != 1) continue;
      // Without pipelining all are measured whose heads are there.
      std::size_t there = 0;
      for (const Truth& t : talk.truth) {
        there += std::find(t.head_packets.begin(), t.head_packets.end(), lost) == t.head_packets.end() ? 1u : 0u;
      }
      // One that is there with its first segment only might be a second copy: its beginning is not told.
      for (const std::uint32_t request : j.start_lost) {
        EXPECT_TRUE(only_first_segment_left(talk, request, lost)) << "seed " << seed << ", packet " << lost;
      }
      EXPECT_GE(j.paired + j.start_lost.size(), there) << "seed " << seed << ", packet " << lost;
      EXPECT_GE(j.paired + j.classified + 1, talk.truth.size()) << "seed " << seed << ", packet " << lost;
    }
  }
}

TEST(Pairing, RandomPacketsLost) {
  std::size_t paired = 0, truth = 0;
  const Seeds seeds(4000);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    const Conversation talk(seed, style_of(seed));
    std::mt19937_64 random(seed);
    std::vector<bool> gone(talk.packets.size());
    const unsigned share = seed % 5 == 0 ? 3 : seed % 5 == 1 ? 10 : 40;
    for (std::size_t i = 3; i < gone.size(); ++i) gone[i] = random() % share == 0;
    const Judgement j = judge(talk, run(without(talk.packets, gone)), seed % 3 == 0);
    EXPECT_EQ(j.wrong, "") << "seed " << seed;
    paired += j.paired;
    truth += talk.truth.size();
  }
  EXPECT_GT(paired * 100, truth * 60);
}

TEST(Pairing, JoinedInTheMiddle) {
  const Seeds seeds(500);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    Style style = style_of(seed);
    const Conversation talk(seed, style);
    for (std::size_t from = 3; from < talk.packets.size(); from += 2) {
      const std::vector<Packet> rest(talk.packets.begin() + static_cast<std::ptrdiff_t>(from), talk.packets.end());
      // In the midst of an upload, pieces that look like requests are what a pipelining client would send.
      const Judgement j = judge(talk, run(rest), style.evil_bodies && style.depth != 1);
      EXPECT_EQ(j.wrong, "") << "seed " << seed << ", from packet " << from;
      if (style.depth != 1 || style.evil_bodies) continue;
      // Each request whose first byte comes after the beginning is measured.
      std::size_t there = 0;
      for (const Truth& t : talk.truth) there += t.head_packets.front() >= from ? 1u : 0u;
      EXPECT_GE(j.paired, there) << "seed " << seed << ", from packet " << from;
    }
  }
}

// By the order in the capture.
bool seen_after_its_response(const std::vector<Packet>& packets, const Truth& t) {
  const auto seen = [&](int direction, std::uint32_t seq) {
    return std::find_if(packets.begin(), packets.end(),
                        [&](const Packet& p) { return p.direction == direction && p.seq == seq && !p.payload.empty(); });
  };
  return seen(0, t.request_seq) > seen(1, t.response_seq);
}

TEST(Pairing, MixedUpByTheCaptureAndDoubled) {
  const Seeds seeds(2000);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    const Conversation talk(seed, style_of(seed));
    std::mt19937_64 random(seed);
    std::vector<Packet> packets = talk.packets;
    // Neighbours change places; their stamps stay in order, as a mirror port would give them.
    for (std::size_t i = 4; i + 1 < packets.size(); ++i) {
      if (random() % 4 != 0 || packets[i + 1].time - packets[i].time > 2'000'000) continue;
      std::swap(packets[i], packets[i + 1]);
      std::swap(packets[i].time, packets[i + 1].time);
      ++i;
    }
    for (std::size_t i = packets.size() - 1; i > 3; --i) {
      if (random() % 6 == 0) packets.insert(packets.begin() + static_cast<std::ptrdiff_t>(i), packets[i]);
    }
    const Outcome outcome = run(packets);
    std::size_t paired = 0;
    for (const Transaction& t : outcome.transactions) {
      if (!t.has_request) continue;
      const auto truth = std::find_if(talk.truth.begin(), talk.truth.end(), [&](const Truth& x) { return x.request_seq == t.request_seq; });
      ASSERT_NE(truth, talk.truth.end()) << "seed " << seed;
      EXPECT_TRUE(t.has_response) << "seed " << seed;
      if (!t.has_times) {
        // When a request was sent isn't known if it is seen only after its response.
        EXPECT_EQ(t.reason, Reason::late_copy) << "seed " << seed;
        EXPECT_TRUE(seen_after_its_response(packets, *truth)) << "seed " << seed;
      }
      EXPECT_EQ(t.response_seq, truth->response_seq) << "seed " << seed;
      ++paired;
    }
    EXPECT_EQ(paired, talk.truth.size()) << "seed " << seed;
    EXPECT_EQ(outcome.counters.holes, 0u) << "seed " << seed;
  }
}

// The same bytes, cut otherwise: one byte a segment.
std::vector<Packet> cut_finely(const std::vector<Packet>& packets, std::size_t size) {
  std::vector<Packet> out;
  for (const Packet& p : packets) {
    for (std::size_t at = 0; at == 0 || at < p.payload.size(); at += size) {
      Packet part = p;
      part.seq = p.seq + static_cast<std::uint32_t>(at);
      part.payload = p.payload.substr(at, size);
      if (at + size < p.payload.size()) part.flags &= static_cast<std::uint8_t>(~tcp_fin);
      out.push_back(part);
    }
  }
  return out;
}

TEST(Pairing, TheSameHoweverTheBytesAreCut) {
  const Seeds seeds(150);
  for (std::uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    const Conversation talk(seed, style_of(seed));
    const Outcome whole = run(talk.packets);
    for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      const Outcome fine = run(cut_finely(talk.packets, size), 1 + seed % 20);
      ASSERT_EQ(fine.transactions.size(), whole.transactions.size()) << "seed " << seed;
      for (std::size_t i = 0; i < whole.transactions.size(); ++i) {
        const Transaction &a = whole.transactions[i], &b = fine.transactions[i];
        ASSERT_EQ(a.request_seq, b.request_seq);
        ASSERT_EQ(a.response_seq, b.response_seq);
        ASSERT_EQ(a.request_begin, b.request_begin);
        ASSERT_EQ(a.response_end, b.response_end);
        ASSERT_EQ(a.response_bytes, b.response_bytes);
        ASSERT_EQ(a.completeness, b.completeness);
      }
    }
  }
}

}  // namespace
}  // namespace nezu::probe::testing
