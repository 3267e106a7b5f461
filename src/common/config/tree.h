// The document as parse.cc builds it and node.cc reads it. Only for this module.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/json/json.h"

namespace nezu::config {

inline constexpr std::size_t kMaxTextBytes = 4 << 20;
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxErrors = 100;  // told one by one; the rest as a number

// From 1; 0: not known (JSON).
struct Place {
  int line = 0;
  int column = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct TreeNode {
  enum class Kind { null, scalar, list, map };
  struct Member {
    std::string key;
    Place place;
    std::size_t value = 0;
    bool asked = false;
  };
  Kind kind = Kind::null;
  std::string text;    // of a scalar
  bool plain = false;  // not quoted
  Place place;
  std::vector<std::size_t> items;
  std::vector<Member> members;
  std::vector<std::string> asked;  // keys that readers know, also those that aren't there
  bool blamed = false;             // an error was noted about the node itself
};

struct Tree {
  std::string file;  // empty: no places
  std::vector<TreeNode> nodes;
  std::size_t root = 0;
  struct Fault {
    Place place;
    std::string text;
  };
  std::vector<Fault> faults;
};

// "FILE:LINE:COLUMN: text", or the text alone.
std::string located(const std::string& file, Place place, std::string_view text);

Result<Tree> parse_yaml(std::string_view text, const std::string& file);
Result<Tree> tree_of_json(const json::Value& value);

}  // namespace nezu::config
