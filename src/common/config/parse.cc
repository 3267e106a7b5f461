#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "common/base/text.h"
#include "common/base/utf8.h"
#include "common/config/tree.h"

namespace nezu::config {
namespace {

// What we refuse although YAML allows it. Thrown through yaml-cpp, caught in parse_yaml().
struct Refused {
  YAML::Mark mark;
  std::string why;
};

// Builds the tree from the parser's events. yaml-cpp's own node tree isn't used: it can't tell a key that is there twice, and it
// resolves aliases before anybody has counted them.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Tree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{mark, "a second document; wanted one only"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_leaf(mark, TreeNode::Kind::null, {}, true, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Refused{mark, "an alias of nothing"};
    if (is_open(it->second)) throw Refused{mark, "an alias that holds itself"};
    attach(mark, it->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    const bool plain = tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(mark, tag);
    add_leaf(mark, TreeNode::Kind::scalar, value, plain, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, TreeNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, TreeNode::Kind::map);
  }
  void OnMapEnd() override { close(); }
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

 private:
  struct Size {
    std::size_t nodes = 1;  // with every alias as often as it is used
    std::size_t depth = 1;
  };
  struct Open {
    std::size_t index;
    std::set<std::string> keys;
    bool wants_value = false;
  };

  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    throw Refused{mark, fmt::format("the tag {}; wanted values without tags", tag)};
  }
  static Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  bool is_open(std::size_t index) const {
    return std::any_of(open_.begin(), open_.end(), [&](const Open& o) { return o.index == index; });
  }

  std::size_t make(const YAML::Mark& mark, TreeNode::Kind kind, YAML::anchor_t anchor) {
    if (tree_.nodes.size() >= kMaxNodes) throw Refused{mark, fmt::format("more than {} values", kMaxNodes)};
    TreeNode node;
    node.kind = kind;
    node.place = place_of(mark);
    tree_.nodes.push_back(std::move(node));
    sizes_.push_back({});
    const std::size_t index = tree_.nodes.size() - 1;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = index;
    return index;
  }

  void add_leaf(const YAML::Mark& mark, TreeNode::Kind kind, const std::string& text, bool plain, YAML::anchor_t anchor) {
    const std::size_t index = make(mark, kind, anchor);
    tree_.nodes[index].text = text;
    tree_.nodes[index].plain = plain;
    const bool is_key = !open_.empty() && wants_key();
    attach(mark, index);
    // A key lives in its map; as a value nobody needs it, unless an alias may name it.
    if (is_key && anchor == YAML::NullAnchor) {
      tree_.nodes.pop_back();
      sizes_.pop_back();
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, TreeNode::Kind kind) {
    if (!tag.empty() && tag != "?" && tag != "!") refuse_tag(mark, tag);
    if (open_.size() >= kMaxDepth) throw Refused{mark, fmt::format("more than {} levels", kMaxDepth)};
    if (!open_.empty() && wants_key()) throw Refused{mark, "a key that is no text"};
    open_.push_back({make(mark, kind, anchor), {}, false});
  }

  void close() {
    const std::size_t index = open_.back().index;
    open_.pop_back();
    const Place place = tree_.nodes[index].place;
    YAML::Mark mark;
    mark.line = place.line - 1;
    mark.column = place.column - 1;
    attach(mark, index);
  }

  bool wants_key() const { return tree_.nodes[open_.back().index].kind == TreeNode::Kind::map && !open_.back().wants_value; }

  // A finished value takes its place in what is open around it.
  void attach(const YAML::Mark& mark, std::size_t index) {
    const Size size = sizes_[index];
    if (open_.size() + size.depth > kMaxDepth + 1) throw Refused{mark, fmt::format("more than {} levels", kMaxDepth)};
    if (open_.empty()) {
      tree_.root = index;
      return;
    }
    Open& parent = open_.back();
    if (wants_key()) {
      add_key(mark, parent, tree_.nodes[parent.index], tree_.nodes[index]);
      return;
    }
    Size& parent_size = sizes_[parent.index];
    parent_size.nodes += size.nodes;
    parent_size.depth = std::max(parent_size.depth, size.depth + 1);
    if (parent_size.nodes > kMaxNodes) throw Refused{mark, fmt::format("more than {} values, aliases counted", kMaxNodes)};
    TreeNode& node = tree_.nodes[parent.index];
    if (node.kind == TreeNode::Kind::list) {
      node.items.push_back(index);
    } else {
      node.members.back().value = index;
      parent.wants_value = false;
    }
  }

  static void add_key(const YAML::Mark& mark, Open& parent, TreeNode& node, const TreeNode& key) {
    if (key.kind != TreeNode::Kind::scalar) throw Refused{mark, "a key that is no text"};
    if (key.plain && key.text == "<<") throw Refused{mark, "a merge key (<<), which isn't supported"};
    if (!parent.keys.insert(key.text).second) throw Refused{mark, fmt::format("the key '{}' is there twice", key.text)};
    node.members.push_back({key.text, place_of(mark), 0, false});
    parent.wants_value = true;
  }

  Tree& tree_;
  int documents_ = 0;
  std::vector<Size> sizes_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::size_t> anchors_;
};

// yaml-cpp counts columns in bytes; people and editors count characters.
class Columns {
 public:
  explicit Columns(std::string_view text) : text_(text) {
    lines_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') lines_.push_back(i + 1);
    }
  }
  Place in_characters(Place place) const {
    const auto line = static_cast<std::size_t>(place.line - 1);
    if (place.line < 1 || place.column < 1 || line >= lines_.size()) return place;
    const std::string_view before = text_.substr(lines_[line], static_cast<std::size_t>(place.column - 1));
    return {place.line, static_cast<int>(count_code_points(before)) + 1};
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> lines_;
};

Error fault(const std::string& file, Place place, const std::string& why) {
  return Error(ErrorCode::invalid_argument, located(file, place, why));
}

// The place of the first byte that YAML text can't hold, or 0:0.
Place first_unfit(std::string_view text) {
  Place place{1, 1};
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (c == kInvalidCodePoint || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) return place;
    place = c == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + 1};
  }
  return {};
}

std::size_t add_json(Tree& tree, const json::Value& value, std::size_t depth, std::string& refused) {
  if (depth > kMaxDepth) refused = fmt::format("more than {} levels", kMaxDepth);
  if (tree.nodes.size() >= kMaxNodes) refused = fmt::format("more than {} values", kMaxNodes);
  if (!refused.empty()) return 0;
  const std::size_t index = tree.nodes.size();
  tree.nodes.emplace_back();
  if (value.is_null()) return index;
  TreeNode node;
  if (value.is_object()) {
    node.kind = TreeNode::Kind::map;
    for (const json::Member& member : value.members()) {
      node.members.push_back({member.key, {}, add_json(tree, member.value, depth + 1, refused), false});
    }
  } else if (value.is_array()) {
    node.kind = TreeNode::Kind::list;
    for (const json::Value& item : value.array()) node.items.push_back(add_json(tree, item, depth + 1, refused));
  } else {
    node.kind = TreeNode::Kind::scalar;
    node.plain = !value.is_string();
    node.text = value.is_string() ? value.string() : json::to_string(value);
  }
  tree.nodes[index] = std::move(node);
  return index;
}

}  // namespace

std::string located(const std::string& file, Place place, std::string_view text) {
  if (file.empty()) return std::string(text);
  if (place.line == 0) return fmt::format("{}: {}", file, text);
  return fmt::format("{}:{}:{}: {}", file, place.line, place.column, text);
}

Result<Tree> parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxTextBytes) {
    return Error(ErrorCode::invalid_argument,
                 fmt::format("{}: {} bytes; wanted at most {}", file, text.size(), format_size(kMaxTextBytes)));
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (const Place bad = first_unfit(text); bad.line != 0)
    return fault(file, bad, "a byte that is no text; wanted UTF-8 without control characters");

  Tree tree;
  tree.file = file;
  const Columns columns(text);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    Builder builder(tree);
    while (parser.HandleNextDocument(builder)) {}
  } catch (const Refused& refused) {
    return fault(file, columns.in_characters({refused.mark.line + 1, refused.mark.column + 1}), refused.why);
  } catch (const YAML::Exception& e) {
    return fault(file, columns.in_characters({e.mark.line + 1, e.mark.column + 1}), "no YAML: " + e.msg);
  }
  if (tree.nodes.empty()) tree.nodes.emplace_back();
  for (TreeNode& node : tree.nodes) {
    node.place = columns.in_characters(node.place);
    for (TreeNode::Member& member : node.members) member.place = columns.in_characters(member.place);
  }
  return tree;
}

Result<Tree> tree_of_json(const json::Value& value) {
  Tree tree;
  std::string refused;
  tree.root = add_json(tree, value, 1, refused);
  if (!refused.empty()) return Error(ErrorCode::invalid_argument, refused);
  return tree;
}

}  // namespace nezu::config
