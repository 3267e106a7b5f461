#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/random.h"
#include "common/io/directory.h"
#include "common/io/faulty_directory.h"

namespace nezu::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kMax = 1 << 20;

std::string fresh_folder(const char* name) { return testing::TempDir() + "nezuban-io-" + std::to_string(::getpid()) + "-" + name; }

// What every Directory does.
void expect_a_directory(Directory& d) {
  EXPECT_TRUE(write_whole(d, "b", "two").ok());
  EXPECT_TRUE(write_whole(d, "a", "one", 0600).ok());
  EXPECT_TRUE(write_whole(d, "a", std::string("x\0y", 3)).ok());
  EXPECT_THAT(*d.list(), ElementsAre("a", "b"));
  EXPECT_EQ(*d.read("a", kMax), std::string("x\0y", 3));
  EXPECT_EQ(d.read("a", 2).error().code(), ErrorCode::no_space);
  EXPECT_EQ(*d.read("a", 3), std::string("x\0y", 3));
  EXPECT_TRUE(*d.exists("b"));
  EXPECT_TRUE(d.remove("b").ok());
  EXPECT_FALSE(*d.exists("b"));
  EXPECT_EQ(d.read("b", kMax).error().code(), ErrorCode::not_found);
  EXPECT_THAT(d.read("b", kMax).error().message(), HasSubstr(d.path() + "/b: No such file"));
  EXPECT_EQ(d.remove("b").error().code(), ErrorCode::not_found);
  EXPECT_EQ(d.rename("b", "c").error().code(), ErrorCode::not_found);
  for (const char* name : {"", ".", "..", "a/b", "../a"}) {
    EXPECT_EQ(d.read(name, kMax).error().code(), ErrorCode::invalid_argument) << name;
    EXPECT_EQ(d.remove(name).error().code(), ErrorCode::invalid_argument) << name;
    EXPECT_EQ(d.rename("a", name).error().code(), ErrorCode::invalid_argument) << name;
  }
}

TEST(SystemDirectory, DoesWhatADirectoryDoes) {
  const std::string path = fresh_folder("basic") + "/deep/er";
  auto d = SystemDirectory::make(path, 0750);
  ASSERT_TRUE(d.ok()) << d.error().message();
  expect_a_directory(**d);
}

TEST(FaultyDirectory, DoesWhatADirectoryDoes) {
  FaultyDirectory d;
  expect_a_directory(d);
}

TEST(SystemDirectory, OpenSaysWhatIsMissing) {
  const auto d = SystemDirectory::open("/nonexistent/folder");
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().code(), ErrorCode::not_found);
  EXPECT_THAT(d.error().message(), HasSubstr("/nonexistent/folder"));
  EXPECT_FALSE(SystemDirectory::open("/dev/null").ok());
}

TEST(SystemDirectory, ModesHoldWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  auto d = SystemDirectory::make(fresh_folder("modes"));
  ASSERT_TRUE(d.ok());
  ASSERT_TRUE(write_whole(**d, "public", "x", 0644).ok());
  ASSERT_TRUE(write_whole(**d, "secret", "x", 0600).ok());
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(((*d)->path() + "/public").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644U);
  ASSERT_EQ(::stat(((*d)->path() + "/secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(SystemDirectory, NeverWritesThroughALink) {
  auto d = SystemDirectory::make(fresh_folder("links"));
  ASSERT_TRUE(d.ok());
  ASSERT_TRUE(write_whole(**d, "victim", "mine").ok());
  ASSERT_EQ(::symlink("victim", ((*d)->path() + "/key.tmp").c_str()), 0);
  ASSERT_TRUE(write_whole(**d, "key", "theirs").ok());
  EXPECT_EQ(*(*d)->read("victim", kMax), "mine");
  EXPECT_EQ(*(*d)->read("key", kMax), "theirs");
}

TEST(SystemDirectory, ListsFilesOnlyAndAFolderIsNotReplaced) {
  auto d = SystemDirectory::make(fresh_folder("list"));
  ASSERT_TRUE(d.ok());
  ASSERT_EQ(::mkdir(((*d)->path() + "/folder").c_str(), 0755), 0);
  ASSERT_TRUE(write_whole(**d, "file", "x").ok());
  EXPECT_THAT(*(*d)->list(), ElementsAre("file"));
  EXPECT_FALSE(write_whole(**d, "folder", "x").ok());
  EXPECT_THAT(*(*d)->list(), ElementsAre("file"));
}

TEST(ReadFile, SaysWhy) {
  EXPECT_EQ(read_file("/nonexistent.yaml").error().code(), ErrorCode::not_found);
  EXPECT_THAT(read_file("/").error().message(), HasSubstr("a directory; wanted a file"));
  EXPECT_EQ(read_file("/dev/zero", 1000).error().code(), ErrorCode::no_space);
  EXPECT_EQ(*read_file("/dev/null"), "");
}

TEST(FaultyDirectory, ForgetsBytesThatWerentSynced) {
  FaultyDirectory d;
  auto file = d.create("a", 0644);
  ASSERT_TRUE((*file)->append("kept").ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE((*file)->append(" lost").ok());
  ASSERT_TRUE(d.sync().ok());
  EXPECT_EQ(*d.read("a", kMax), "kept lost");
  d.crash();
  EXPECT_EQ(*d.read("a", kMax), "kept");
  EXPECT_FALSE((*file)->append("x").ok());
}

TEST(FaultyDirectory, ForgetsNamesThatWerentSynced) {
  FaultyDirectory d;
  ASSERT_TRUE(write_whole(d, "old", "1").ok());
  auto file = d.create("new", 0644);
  ASSERT_TRUE((*file)->append("2").ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE(d.rename("old", "older").ok());
  EXPECT_THAT(*d.list(), ElementsAre("new", "older"));
  d.crash();
  EXPECT_THAT(*d.list(), ElementsAre("old"));
}

TEST(FaultyDirectory, FailsWhereItIsTold) {
  FaultyDirectory d;
  d.fail_at(2, FaultyDirectory::Fault::no_space);
  auto file = d.create("a", 0644);
  ASSERT_TRUE(file.ok());
  const Status s = (*file)->append("12345678");
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().code(), ErrorCode::no_space);
  EXPECT_EQ(*d.read("a", kMax), "1234");
  d.fail_at(1, FaultyDirectory::Fault::io, 2);
  EXPECT_EQ(d.sync().error().code(), ErrorCode::io);
  EXPECT_EQ(d.list().error().code(), ErrorCode::io);
  EXPECT_TRUE(d.list().ok());
}

// A file is the old one or the new one, whole, after a fault at any step and a crash after any step; and after ok(), the new one.
TEST(WriteWhole, OldOrNewAfterEachFaultAndEachCrash) {
  SeededRandom random(1);
  for (const auto fault : {FaultyDirectory::Fault::no_space, FaultyDirectory::Fault::io}) {
    for (std::uint64_t n = 0; n < 9; ++n) {
      for (int chance = 0; chance < 50; ++chance) {
        FaultyDirectory d;
        ASSERT_TRUE(write_whole(d, "state", "old state").ok());
        d.fail_at(n, fault, chance % 2 == 0 ? 1 : 1000);
        const bool ok = write_whole(d, "state", "new state").ok();
        d.fail_at(0, fault);
        if (ok) { ASSERT_EQ(*d.read("state", kMax), "new state"); }
        if (chance < 2)
          d.crash();
        else
          d.crash(random);
        auto bytes = d.read("state", kMax);
        ASSERT_TRUE(bytes.ok()) << "step " << n;
        ASSERT_TRUE(*bytes == "new state" || (!ok && *bytes == "old state")) << "step " << n << ": " << *bytes;
      }
    }
  }
}

TEST(WriteWhole, LeavesNoTemporaryFileBehindAFault) {
  for (std::uint64_t n = 1; n < 6; ++n) {
    FaultyDirectory d;
    ASSERT_TRUE(write_whole(d, "state", "old").ok());
    d.fail_at(n, FaultyDirectory::Fault::no_space);
    ASSERT_FALSE(write_whole(d, "state", "new").ok()) << n;
    EXPECT_THAT(*d.list(), ElementsAre("state")) << n;
  }
}

}  // namespace
}  // namespace nezu::io
