#include "probe/match/substrings.h"

#include <deque>

#include "common/base/check.h"

namespace nezu::probe::match {

void Substrings::add(std::string_view text, std::uint32_t value) {
  NEZU_CHECK(!text.empty());
  std::uint32_t at = 0;
  for (const char c : text) {
    std::uint32_t to = 0;
    for (const auto& [key, node] : nodes_[at].children) {
      if (key == c) to = node;
    }
    if (to == 0) {
      to = static_cast<std::uint32_t>(nodes_.size());
      nodes_[at].children.emplace_back(c, to);
      nodes_.emplace_back();
    }
    at = to;
  }
  nodes_[at].values.push_back(value);
}

void Substrings::seal() {
  for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
    for (const auto& [c, to] : nodes_[n].children) edges_.add(edge(n, c), to);
  }
  edges_.seal();
  // In breadth, so that a node's shorter suffixes are done before it.
  std::deque<std::uint32_t> queue;
  for (const auto& [c, to] : nodes_[0].children) queue.push_back(to);
  while (!queue.empty()) {
    const std::uint32_t n = queue.front();
    queue.pop_front();
    for (const auto& [c, to] : nodes_[n].children) {
      std::uint32_t f = nodes_[n].fail;
      while (f != 0 && child(f, c) == 0) f = nodes_[f].fail;
      nodes_[to].fail = child(f, c);
      const Node& fail = nodes_[nodes_[to].fail];
      nodes_[to].output = !fail.values.empty() ? nodes_[to].fail : fail.output;
      queue.push_back(to);
    }
  }
  for (Node& n : nodes_) {
    n.children.clear();
    n.children.shrink_to_fit();
  }
}

}  // namespace nezu::probe::match
