#include "probe/capture/file_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "probe/capture/test_captures.h"

namespace nezu::probe::test {
namespace {
using ::testing::HasSubstr;

std::string capture(std::uint32_t frames, std::uint32_t first_second = 0) {
  Writer w;
  w.pcap_header(0xa1b2c3d4);
  for (std::uint32_t i = 0; i < frames; ++i) w.pcap_record(first_second + i, 0, payload(100 + i % 900, static_cast<char>(i)));
  return w.bytes;
}

std::string gzip(const std::string& bytes) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
  std::string in = bytes;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/nezu-capture-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() {
    for (const std::string& f : files_) ::unlink(f.c_str());
    ::rmdir(path_.c_str());
  }
  std::string write(const std::string& name, const std::string& bytes) {
    files_.push_back(path_ + "/" + name);
    std::ofstream(files_.back(), std::ios::binary) << bytes;
    return files_.back();
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

TEST(Packed, GzipAndZstdReadAsThePlainFile) {
  const std::string plain = capture(3'000);
  const std::vector<Seen> frames = read_all(plain).frames;
  for (const std::string& packed : {gzip(plain), zstd(plain)}) {
    for (const std::size_t piece : {std::size_t{3}, std::size_t{65'536}, SIZE_MAX}) {
      const Outcome seen = read_all(packed, piece);
      EXPECT_EQ(seen.error, "");
      EXPECT_EQ(seen.frames, frames);
    }
  }
}

TEST(Packed, SeveralMembersAndFramesAreOneCapture) {
  const std::string plain = capture(500);
  const std::string a = plain.substr(0, 12'345), b = plain.substr(12'345);
  const std::vector<Seen> frames = read_all(plain).frames;
  EXPECT_EQ(read_all(gzip(a) + gzip(b)).frames, frames);
  EXPECT_EQ(read_all(gzip(a) + gzip(b) + std::string(700, '\0')).error, "");
  EXPECT_EQ(read_all(zstd(a) + std::string("\x50\x2a\x4d\x18\x04\0\0\0skip", 12) + zstd(b)).frames, frames);
}

TEST(Packed, CutAnywhereGivesAPrefixThenAnError) {
  const std::string plain = capture(20);
  const std::vector<Seen> all = read_all(plain).frames;
  for (const std::string& packed : {gzip(plain), zstd(plain)}) {
    for (std::size_t n = 4; n < packed.size(); n += 3) {
      const Outcome seen = read_all(packed.substr(0, n), 61);
      EXPECT_EQ(seen.code, ErrorCode::corrupt) << n;
      EXPECT_THAT(seen.error, HasSubstr("ends early"));
      ASSERT_LE(seen.frames.size(), all.size());
      EXPECT_TRUE(std::equal(seen.frames.begin(), seen.frames.end(), all.begin()));
    }
  }
}

TEST(Packed, CutLateGivesTheFramesBeforeTheCut) {
  const std::string packed = gzip(capture(3'000));
  const Outcome seen = read_all(packed.substr(0, packed.size() - 20));
  EXPECT_GT(seen.frames.size(), 2'000u);
  EXPECT_THAT(seen.error, HasSubstr("the gzip data ends early"));
}

TEST(Packed, DamageInsideIsTold) {
  std::string packed = gzip(capture(3'000));
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  EXPECT_EQ(read_all(packed).code, ErrorCode::corrupt);
  EXPECT_THAT(read_all(gzip(capture(5)) + "garbage").error, HasSubstr("bytes after the end of the gzip data"));
  EXPECT_THAT(read_all(gzip(gzip(capture(5)))).error, HasSubstr("begins with 1f 8b"));  // packed twice is no capture
}

TEST(Files, SeveralAreReadOneAfterTheOtherWhateverTheirNames) {
  Folder folder;
  const std::string a = folder.write("a.txt", capture(3, 10)), b = folder.write("b.pcap", zstd(capture(2, 20))),
                    c = folder.write("c", gzip(capture(1, 30)));
  std::unique_ptr<FrameSource> source = read_files({{a, b, c}, Nanos(0)});
  const Outcome seen = drain(*source);
  EXPECT_EQ(seen.error, "");
  ASSERT_EQ(seen.frames.size(), 6u);
  EXPECT_EQ(seen.frames[5].ns, 30'000'000'000);
}

TEST(Files, MissingOnesAreNamed) {
  Folder folder;
  const std::string a = folder.write("a", capture(3));
  EXPECT_TRUE(check_files({a, "-"}).ok());
  EXPECT_EQ(check_files({a, "/nonexistent/x.pcap"}).error().message(), "/nonexistent/x.pcap: No such file or directory");
  EXPECT_THAT(check_files({"/tmp"}).error().message(), HasSubstr("/tmp: is a directory"));
  const Outcome seen = drain(*read_files({{a, "/nonexistent/x.pcap"}, Nanos(0)}));
  EXPECT_EQ(seen.frames.size(), 3u);
  EXPECT_EQ(seen.error, "/nonexistent/x.pcap: No such file or directory");
}

TEST(Files, OneThatShrinksWhileItIsReadEndsEarlyAndKillsNobody) {
  Folder folder;
  const std::string path = folder.write("shrinks", capture(20'000));
  std::unique_ptr<FrameSource> source = read_files({{path}, Nanos(0)});
  FrameBatch batch;
  ASSERT_EQ(*source->poll(batch, Nanos(0)), Polled::frames);
  ASSERT_EQ(::truncate(path.c_str(), 300'000), 0);
  const Outcome seen = drain(*source);
  EXPECT_THAT(seen.error, HasSubstr("the file ends inside a packet"));
  EXPECT_GT(seen.frames.size(), 300u);
  EXPECT_LT(seen.frames.size(), 2'000u);
}

TEST(Files, APipeWaitsNoLongerThanAskedAndStopsAtOnce) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string bytes = capture(2);
  std::unique_ptr<FrameSource> source = read_files({{"/dev/fd/" + std::to_string(ends[0])}, Nanos(0)});
  FrameBatch batch;
  ASSERT_EQ(::write(ends[1], bytes.data(), bytes.size() - 10), static_cast<ssize_t>(bytes.size() - 10));
  ASSERT_EQ(*source->poll(batch, Millis(1)), Polled::frames);
  int frames = 0;
  for (Frame f; batch.next(f);) ++frames;
  EXPECT_EQ(frames, 1);
  EXPECT_EQ(*source->poll(batch, Millis(1)), Polled::empty);
  ASSERT_EQ(::write(ends[1], bytes.data() + bytes.size() - 10, 10), 10);
  EXPECT_EQ(*source->poll(batch, Millis(1)), Polled::frames);
  for (Frame f; batch.next(f);) ++frames;
  EXPECT_EQ(frames, 2);
  std::thread other([&] { source->stop(); });
  while (*source->poll(batch, Seconds(60)) != Polled::end) {}
  other.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace nezu::probe::test
