#include "common/net/pipe.h"

#include <gtest/gtest.h>

namespace nezu::net {
namespace {

class PipeTest : public ::testing::Test {
 protected:
  void make(const PipeOptions& options = {}) {
    pipe = std::make_unique<Pipe>(loop, options);
    a = pipe->take_first();
    b = pipe->take_second();
  }
  void keep_reading(Stream& stream, std::string& into) {
    stream.read([this, &stream, &into](Result<std::string_view> bytes) {
      if (!bytes) {
        error = bytes.error();
        return;
      }
      ++reads;
      if (bytes->empty()) {
        ended = true;
        return;
      }
      into.append(*bytes);
      keep_reading(stream, into);
    });
  }
  // Runs everything that is due now; posted work may post more, hence the rounds.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      loop.stop();
      loop.run();
    }
  }

  EventLoop loop;
  std::unique_ptr<Pipe> pipe;
  std::unique_ptr<Stream> a, b;
  std::string got;
  std::optional<Error> error;
  int reads = 0;
  bool ended = false;
};

TEST_F(PipeTest, CarriesBytesAndTheEnd) {
  make();
  bool written = false;
  a->write("hello ", [&](Status status) { written = status.ok(); });
  a->write("world", {});
  a->shutdown();
  EXPECT_FALSE(written);  // never inside the call
  keep_reading(*b, got);
  settle();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, "hello world");
  EXPECT_TRUE(ended);
  EXPECT_EQ(pipe->bytes_to_second(), 11u);
}

TEST_F(PipeTest, CarriesBytesTheOtherWay) {
  make();
  b->write("from the second", {});
  keep_reading(*a, got);
  settle();
  EXPECT_EQ(got, "from the second");
  EXPECT_EQ(pipe->bytes_to_first(), 15u);
}

TEST_F(PipeTest, AFullPipeMakesTheWriterWait) {
  make({.capacity_bytes = 4, .piece_bytes = 3});
  bool written = false;
  a->write("0123456789", [&](Status status) { written = status.ok(); });
  settle();
  EXPECT_FALSE(written);
  EXPECT_EQ(a->queued_bytes(), 6u);
  keep_reading(*b, got);
  settle();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, "0123456789");
  EXPECT_GE(reads, 4);
}

TEST_F(PipeTest, HoldDelaysAndReleaseDelivers) {
  make();
  keep_reading(*b, got);
  pipe->hold();
  a->write("late", {});
  settle();
  EXPECT_EQ(got, "");
  pipe->release();
  settle();
  EXPECT_EQ(got, "late");
}

TEST_F(PipeTest, CutLosesWhatIsOnItsWayAndBothEndsSeeIt) {
  make();
  pipe->hold();
  a->write("lost", {});
  settle();
  pipe->cut();
  keep_reading(*b, got);
  std::optional<Status> write;
  a->write("more", [&](Status status) { write = status; });
  settle();
  EXPECT_EQ(got, "");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::unavailable);
  ASSERT_TRUE(write);
  EXPECT_FALSE(write->ok());
}

TEST_F(PipeTest, DestroyedEndIsTheOthersEnd) {
  make();
  a->write("last words", {});
  settle();
  a.reset();
  keep_reading(*b, got);
  std::optional<Status> write;
  b->write("anybody?", [&](Status status) { write = status; });
  settle();
  EXPECT_EQ(got, "last words");
  EXPECT_TRUE(ended);
  ASSERT_TRUE(write);
  EXPECT_FALSE(write->ok());
}

TEST_F(PipeTest, EndMayBeDestroyedInItsHandlers) {
  make();
  int late = 0;
  b->write("x", {});
  a->write("y", [&](Status) { ++late; });
  a->read([&](Result<std::string_view> bytes) {
    a.reset();
    EXPECT_EQ(*bytes, "x");
  });
  a->write("z", [&](Status) {
    ++late;
    a.reset();
  });
  a->write("w", [&](Status) { late += 100; });
  settle();
  EXPECT_EQ(a, nullptr);
  EXPECT_LT(late, 100);
}

TEST_F(PipeTest, DelayLetsTimePass) {
  make({.delay = std::chrono::milliseconds(20)});
  keep_reading(*b, got);
  a->write("later", {});
  settle();
  EXPECT_EQ(got, "");
  Timer end(loop);
  end.after(std::chrono::milliseconds(60), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(got, "later");
}

}  // namespace
}  // namespace nezu::net
