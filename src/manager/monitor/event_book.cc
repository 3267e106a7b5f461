#include "manager/monitor/event_book.h"

#include <algorithm>

namespace nezu::monitor {

EventBook::EventBook(std::vector<store::Event> loaded, std::uint64_t next_id) : next_id_(next_id) {
  for (store::Event& event : loaded) {
    if (!event.closed) open_[{event.code, event.subject}] = event.id;
    next_id_ = std::max(next_id_, event.id + 1);
    events_[event.id] = std::move(event);
  }
}

store::Event& EventBook::add(const std::string& code, const std::string& subject, store::Severity severity, std::string text,
                             WallTime now) {
  store::Event event;
  event.id = next_id_++;
  event.code = code;
  event.subject = subject;
  event.severity = severity;
  event.text = std::move(text);
  event.opened = now;
  changed_[event.id] = true;
  ++opened_[{code, severity}];
  store::Event& kept = events_[event.id] = std::move(event);
  trim();
  return kept;
}

void EventBook::trim() {
  for (auto it = events_.begin(); it != events_.end() && events_.size() > kKept + open_.size();) {
    it = it->second.closed ? events_.erase(it) : std::next(it);
  }
}

bool EventBook::open(const std::string& code, const std::string& subject, store::Severity severity, std::string text, WallTime now) {
  if (is_open(code, subject)) return false;
  open_[{code, subject}] = add(code, subject, severity, std::move(text), now).id;
  return true;
}

bool EventBook::close(const std::string& code, const std::string& subject, WallTime now, const std::string& more) {
  const auto found = open_.find({code, subject});
  if (found == open_.end()) return false;
  store::Event& event = events_.at(found->second);
  event.closed = std::max(now, event.opened);
  event.text += more;
  changed_[event.id] = true;
  open_.erase(found);
  return true;
}

void EventBook::happened(const std::string& code, const std::string& subject, store::Severity severity, std::string text, WallTime now) {
  add(code, subject, severity, std::move(text), now).closed = now;
}

std::map<std::pair<std::string, store::Severity>, EventBook::Count> EventBook::counts() const {
  std::map<std::pair<std::string, store::Severity>, Count> counts;
  for (const auto& [key, opened] : opened_) counts[key].opened = opened;
  for (const auto& [key, id] : open_) ++counts[{key.first, events_.at(id).severity}].open;
  return counts;
}

std::vector<store::Event> EventBook::newest_first() const {
  std::vector<store::Event> all;
  for (auto it = events_.rbegin(); it != events_.rend(); ++it) all.push_back(it->second);
  return all;
}

std::vector<store::Event> EventBook::take_changes() {
  std::vector<store::Event> changes;
  for (const auto& [id, changed] : changed_) {
    const auto event = events_.find(id);
    if (event != events_.end()) changes.push_back(event->second);
  }
  changed_.clear();
  return changes;
}

}  // namespace nezu::monitor
