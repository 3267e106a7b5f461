#include "agent/process.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io/directory.h"

namespace nezu::agent {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() : pid_file_(::testing::TempDir() + "nezu-agent-" + std::to_string(::getpid()) + ".pid"), log_(pid_file_ + ".log") {}
  ~ProcessTest() override {
    ::unlink(pid_file_.c_str());
    ::unlink(log_.c_str());
  }
  Launch launch(std::vector<std::string> argv) {
    const passwd* me = ::getpwuid(::getuid());
    return {std::move(argv), me == nullptr ? "root" : me->pw_name, log_, false, {}};
  }
  std::string pid_file_, log_;
};

TEST_F(ProcessTest, IsFoundUntilItEnds) {
  EXPECT_FALSE(find_process(pid_file_));
  const auto process = start_process(launch({"/bin/sleep", "60"}), pid_file_);
  ASSERT_TRUE(process.ok()) << process.error().message();
  const auto found = find_process(pid_file_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, process->id);
  EXPECT_EQ(::getsid(found->id), found->id) << "a session of its own";
  EXPECT_FALSE(wait_for_end(*found, Millis(20)));
  EXPECT_FALSE(is_dying(*found));
  send_signal(*found, SIGSTOP);
  EXPECT_FALSE(wait_for_end(*found, Millis(20)));
  EXPECT_FALSE(is_dying(*found)) << "one that hangs, and hears nothing";
  send_signal(*found, SIGKILL);
  EXPECT_TRUE(is_dying(*found)) << "from the signal on, whatever the kernel has done of it";
  EXPECT_TRUE(wait_for_end(*found, Seconds(5)));
  EXPECT_TRUE(is_dying(*found));
  EXPECT_FALSE(find_process(pid_file_)) << "a zombie is not alive";
  EXPECT_EQ(exit_status(*process), -SIGKILL);
}

TEST_F(ProcessTest, IsGivenItsVariablesAndNoneOfOurs) {
  ASSERT_EQ(::setenv("OCF_SECRET", "cluster", 1), 0);
  Launch told = launch({"/usr/bin/env"});
  told.environment = {"NEZU_START_BEGAN=12345"};
  const auto process = start_process(told, pid_file_);
  ASSERT_TRUE(process.ok()) << process.error().message();
  ASSERT_TRUE(wait_for_end(*process, Seconds(5)));
  const auto text = io::read_file(log_);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("NEZU_START_BEGAN=12345\n"), std::string::npos) << *text;
  EXPECT_NE(text->find("LANG=C.UTF-8\n"), std::string::npos) << *text;
  EXPECT_EQ(text->find("OCF_SECRET"), std::string::npos) << *text;
}

TEST_F(ProcessTest, AnIdThatIsUsedAgainIsAnother) {
  auto folder = io::SystemDirectory::open(::testing::TempDir());
  ASSERT_TRUE(folder.ok());
  const std::string name = pid_file_.substr(pid_file_.rfind('/') + 1);
  ASSERT_TRUE(io::write_whole(**folder, name, std::to_string(::getpid()) + "\n1\n").ok());
  EXPECT_FALSE(find_process(pid_file_)) << "it runs, but began at another time";
}

TEST_F(ProcessTest, AProgramThatIsNotThereIsAnError) {
  const auto process = start_process(launch({"/nowhere/nezu-probe"}), pid_file_);
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.error().code(), ErrorCode::not_found);
  Launch strange = launch({"/bin/true"});
  strange.user = "nobody-of-that-name";
  EXPECT_FALSE(start_process(strange, pid_file_).ok());
}

TEST_F(ProcessTest, AnotherUserKeepsTheRightToCaptureOnly) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  Launch as_nobody = launch({"/bin/grep", "-E", "^(Uid|CapEff|CapAmb|NSsid)", "/proc/self/status"});
  as_nobody.user = "nobody";
  as_nobody.captures = true;
  const auto process = start_process(as_nobody, pid_file_);
  ASSERT_TRUE(process.ok()) << process.error().message();
  ASSERT_TRUE(wait_for_end(*process, Seconds(5)));
  const auto text = io::read_file(log_);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("Uid:\t65534"), std::string::npos) << *text;
  EXPECT_NE(text->find("CapEff:\t0000000000002000"), std::string::npos) << *text;
  EXPECT_NE(text->find("CapAmb:\t0000000000002000"), std::string::npos) << *text;
}

TEST(Tools, SayHowTheyEnded) {
  EXPECT_TRUE(run_tool({"true"}));
  std::string said;
  EXPECT_TRUE(run_tool({"echo", "10"}, &said));
  EXPECT_EQ(said, "10\n");
  EXPECT_FALSE(run_tool({"false"}));
  EXPECT_FALSE(run_tool({"a-tool-that-is-nowhere"}));
}

}  // namespace
}  // namespace nezu::agent
