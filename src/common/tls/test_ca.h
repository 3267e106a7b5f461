// For tests: a directory of its own, removed at the end, with a CA and certificates in it.
#pragma once

#include <filesystem>
#include <string>

#include "common/tls/pki.h"
#include "common/tls/tls.h"

namespace nezu::tls {

class TestCa {
 public:
  explicit TestCa(WallTime now) : now_(now) {
    std::string name = std::filesystem::temp_directory_path() / "nezu-tls-XXXXXX";
    NEZU_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    NEZU_CHECK(pki::init(path_, {.common_name = "Test CA", .lifetime = Seconds(30 * 365 * 86400L), .force = false},
                         now_ - std::chrono::hours(10 * 365 * 24))
                   .ok());
  }
  ~TestCa() { std::filesystem::remove_all(path_); }
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  const std::string& path() const { return path_; }
  Files files(const std::string& name) const { return {path_ + "/ca.crt", path_ + "/" + name + ".crt", path_ + "/" + name + ".key"}; }

  // Issues as of `now` + offset; loads as of then too.
  std::shared_ptr<Context> context(const std::string& name, pki::Role role, const std::vector<std::string>& hosts = {},
                                   Nanos offset = Nanos(0), Seconds lifetime = Seconds(86400)) const {
    NEZU_CHECK(pki::issue(path_, {.name = name, .role = role, .hosts = hosts, .lifetime = lifetime, .force = true}, now_ + offset).ok());
    auto loaded = Context::load(files(name), now_ + offset);
    NEZU_CHECK(loaded.ok());
    return std::shared_ptr<Context>(std::move(*loaded));
  }

 private:
  WallTime now_;
  std::string path_;
};

}  // namespace nezu::tls
