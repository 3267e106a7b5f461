// Substrings: which of many texts occur in a path, in one pass over it (Aho and Corasick's automaton).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "probe/match/key_table.h"

namespace nezu::probe::match {

class Substrings {
 public:
  Substrings() : nodes_(1) {}
  // REQUIRES: before seal(); text isn't empty
  void add(std::string_view text, std::uint32_t value);
  void seal();
  bool empty() const { return nodes_.size() == 1; }

  // Calls f(value) for each text that occurs, perhaps more than once.
  template <class F>
  void find(std::string_view text, F f) const {
    std::uint32_t at = 0;
    for (const char c : text) {
      std::uint32_t to = child(at, c);
      while (to == 0 && at != 0) {
        at = nodes_[at].fail;
        to = child(at, c);
      }
      at = to;
      for (std::uint32_t n = nodes_[at].values.empty() ? nodes_[at].output : at; n != 0; n = nodes_[n].output) {
        for (const std::uint32_t v : nodes_[n].values) f(v);
      }
    }
  }

 private:
  struct Node {
    std::uint32_t fail = 0;
    std::uint32_t output = 0;  // the next node along the fails that has values; 0: none
    std::vector<std::uint32_t> values;
    std::vector<std::pair<char, std::uint32_t>> children;  // until seal()
  };
  static std::uint64_t edge(std::uint32_t node, char c) { return (std::uint64_t{node} << 8 | static_cast<unsigned char>(c)) + 1; }
  std::uint32_t child(std::uint32_t node, char c) const {
    const auto found = edges_.find(edge(node, c));
    return found.empty() ? 0 : found[0];
  }
  std::vector<Node> nodes_;  // [0] is the root
  KeyTable edges_;           // keys are exact here: no collisions
};

}  // namespace nezu::probe::match
