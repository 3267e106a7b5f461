// Events with a life: opened once per state that deserves attention, closed once when it is over. The key is (code, subject). Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "manager/store/store.h"

namespace nezu::monitor {

class EventBook {
 public:
  static constexpr std::size_t kKept = 1000;  // closed ones that are kept for views; open ones always are

  EventBook() = default;
  EventBook(std::vector<store::Event> loaded, std::uint64_t next_id);

  // Opens it, where it isn't open; whether it did.
  bool open(const std::string& code, const std::string& subject, store::Severity severity, std::string text, WallTime now);
  // Closes it, where it is open; whether it did. `more` is put behind its text.
  bool close(const std::string& code, const std::string& subject, WallTime now, const std::string& more = {});
  // Something that happens and is over at once.
  void happened(const std::string& code, const std::string& subject, store::Severity severity, std::string text, WallTime now);

  bool is_open(const std::string& code, const std::string& subject) const { return open_.count({code, subject}) != 0; }
  std::size_t open_count() const { return open_.size(); }
  // By code and severity: opened since the start, and open now (0 where all that were are closed).
  struct Count {
    std::uint64_t opened = 0;
    std::size_t open = 0;
  };
  std::map<std::pair<std::string, store::Severity>, Count> counts() const;
  std::vector<store::Event> newest_first() const;
  std::uint64_t next_id() const { return next_id_; }

  // What has changed since the last call, to be stored.
  std::vector<store::Event> take_changes();

 private:
  store::Event& add(const std::string& code, const std::string& subject, store::Severity severity, std::string text, WallTime now);
  void trim();
  std::map<std::uint64_t, store::Event> events_;  // by id
  std::map<std::pair<std::string, std::string>, std::uint64_t> open_;
  std::map<std::uint64_t, bool> changed_;
  std::map<std::pair<std::string, store::Severity>, std::uint64_t> opened_;  // since the start
  std::uint64_t next_id_ = 1;
};

}  // namespace nezu::monitor
