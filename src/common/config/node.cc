#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "common/base/utf8.h"
#include "common/config/config.h"
#include "common/config/tree.h"

namespace nezu::config {

// One step of the way from the root to a value. `place` is that of the value, or of the nearest thing that is really there: its key without a
// value, else the map around it.
struct Node::Path {
  std::shared_ptr<const Path> parent;
  std::string step;  // ".key" or "[3]"; the root has none
  Place place;
};

namespace {

std::string shown(const TreeNode& node) {
  switch (node.kind) {
    case TreeNode::Kind::null: return "nothing";
    case TreeNode::Kind::list: return "a list";
    case TreeNode::Kind::map: return "a map";
    case TreeNode::Kind::scalar: break;
  }
  std::string text;
  std::string_view rest = node.text;
  for (int n = 0; !rest.empty() && n < 60; ++n) {
    const char32_t c = take_code_point(rest);
    append_utf8(text, c < 0x20 || c == kInvalidCodePoint ? U' ' : c);
  }
  if (!rest.empty()) text += "…";
  const char* const quote = node.plain ? "'" : "\"";
  return fmt::format("{}{}{}", quote, text, quote);
}

template <class T, class Format>
std::string in_range(const char* what, T min, T max, T lowest, T highest, Format format) {
  if (min == lowest && max == highest) return what;
  if (max == highest) return fmt::format("{} of {} or more", what, format(min));
  return fmt::format("{}, {}–{}", what, format(min), format(max));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// Unknown keys below a value, each with its place. Descends only where somebody read.
void find_unknown(const Tree& tree, std::size_t index, const std::string& path, std::vector<Tree::Fault>& faults) {
  const TreeNode& node = tree.nodes[index];
  if (node.kind == TreeNode::Kind::list) {
    for (std::size_t i = 0; i < node.items.size(); ++i) find_unknown(tree, node.items[i], fmt::format("{}[{}]", path, i), faults);
  }
  if (node.kind != TreeNode::Kind::map || (node.blamed && node.asked.empty())) return;
  for (const TreeNode::Member& member : node.members) {
    const std::string here = path.empty() ? member.key : path + '.' + member.key;
    if (member.asked) {
      find_unknown(tree, member.value, here, faults);
    } else {
      faults.push_back({member.place, fmt::format("{}: unknown key; known here: {}", here, joined(node.asked))});
    }
  }
}

}  // namespace

Document::Document(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::parse(std::string_view text, const std::string& file) {
  auto tree = parse_yaml(text, file);
  if (!tree) return tree.error();
  return Document(std::make_unique<Tree>(std::move(*tree)));
}

Result<Document> Document::from_json(const json::Value& value) {
  auto tree = tree_of_json(value);
  if (!tree) return tree.error();
  return Document(std::make_unique<Tree>(std::move(*tree)));
}

Node Document::root() const {
  auto path = std::make_shared<Node::Path>();
  path->place = tree_->nodes[tree_->root].place;
  const bool given = tree_->nodes[tree_->root].kind != TreeNode::Kind::null;
  return Node(tree_.get(), given ? tree_->root : Node::kLeftOut, std::move(path));
}

Status Document::finish() const {
  std::vector<Tree::Fault> faults = tree_->faults;
  find_unknown(*tree_, tree_->root, "", faults);
  if (faults.empty()) return {};
  std::stable_sort(faults.begin(), faults.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  std::string text;
  for (std::size_t i = 0; i < faults.size() && i < kMaxErrors; ++i) {
    if (i > 0) text += '\n';
    text += located(tree_->file, faults[i].place, faults[i].text);
  }
  if (faults.size() > kMaxErrors) text += fmt::format("\n… and {} more errors", faults.size() - kMaxErrors);
  return Error(ErrorCode::invalid_argument, text);
}

bool Node::given() const { return index_ != kLeftOut; }
bool Node::is_list() const { return given() && tree_->nodes[index_].kind == TreeNode::Kind::list; }
bool Node::is_map() const { return given() && tree_->nodes[index_].kind == TreeNode::Kind::map; }
bool Node::is_scalar() const { return given() && tree_->nodes[index_].kind == TreeNode::Kind::scalar; }

std::string Node::path() const {
  std::vector<const Path*> steps;
  for (const Path* p = path_.get(); p != nullptr; p = p->parent.get()) steps.push_back(p);
  std::string text;
  for (auto it = steps.rbegin(); it != steps.rend(); ++it) text += (*it)->step;
  return !text.empty() && text.front() == '.' ? text.substr(1) : text;
}

void Node::error(const std::string& text) const {
  if (given()) tree_->nodes[index_].blamed = true;
  const std::string where = path();
  tree_->faults.push_back({path_->place, where.empty() ? text : where + ": " + text});
}

void Node::wanted(const std::string& what) const {
  const std::string found = given() ? shown(tree_->nodes[index_]) : "missing";
  error(fmt::format("{}: wanted {}", found, what));
}

Node Node::operator[](std::string_view key) const {
  auto path = std::make_shared<Path>();
  path->parent = path_;
  path->step = '.' + std::string(key);
  path->place = path_->place;
  if (!given()) return Node(tree_, kLeftOut, std::move(path));
  TreeNode& node = tree_->nodes[index_];
  if (node.kind != TreeNode::Kind::map) {
    if (!node.blamed) wanted("a map of keys and values");
    return Node(tree_, kLeftOut, std::move(path));
  }
  if (std::find(node.asked.begin(), node.asked.end(), key) == node.asked.end()) node.asked.emplace_back(key);
  for (TreeNode::Member& member : node.members) {
    if (member.key != key) continue;
    member.asked = true;
    const TreeNode& value = tree_->nodes[member.value];
    const bool left_out = value.kind == TreeNode::Kind::null;
    path->place = left_out ? member.place : value.place;
    return Node(tree_, left_out ? kLeftOut : member.value, std::move(path));
  }
  return Node(tree_, kLeftOut, std::move(path));
}

Node Node::required() const {
  if (!given()) error("missing; it must be given");
  return *this;
}

const std::string* Node::scalar(const std::string& what) const {
  if (!given()) return nullptr;
  const TreeNode& node = tree_->nodes[index_];
  if (node.kind == TreeNode::Kind::scalar) return &node.text;
  wanted(what);
  return nullptr;
}

std::string Node::string(std::string_view otherwise) const {
  const std::string* text = scalar("a text");
  if (text == nullptr) return std::string(otherwise);
  // YAML's plain scalars are texts where a text is wanted; JSON's numbers and truths aren't.
  if (tree_->file.empty() && tree_->nodes[index_].plain) {
    wanted("a text, in quotes");
    return std::string(otherwise);
  }
  return *text;
}

bool Node::boolean(bool otherwise) const {
  const std::string what = "true or false";
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  if (tree_->nodes[index_].plain && (*text == "true" || *text == "false")) return *text == "true";
  wanted(what);
  return otherwise;
}

std::int64_t Node::integer(std::int64_t otherwise, std::int64_t min, std::int64_t max) const {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::string what = in_range("a whole number", min, max, Limits::min(), Limits::max(), [](std::int64_t v) { return v; });
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (tree_->nodes[index_].plain && code == std::errc() && end == text->data() + text->size() && value >= min && value <= max) return value;
  wanted(what);
  return otherwise;
}

double Node::number(double otherwise, double min, double max) const {
  const std::string what = fmt::format("a number, {}–{}", min, max);
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  double value = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (tree_->nodes[index_].plain && code == std::errc() && end == text->data() + text->size() && value >= min && value <= max) return value;
  wanted(what);
  return otherwise;
}

Nanos Node::duration(Nanos otherwise, Nanos min, Nanos max) const {
  const std::string what = in_range(min < Nanos(0) ? "a duration as 250ms, -37s" : "a duration as 250ms, 30s", min, max, Nanos(0),
                                    Nanos::max(), format_duration);
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  auto value = min < Nanos(0) ? parse_signed_duration(*text) : parse_duration(*text);
  if (value && *value >= min && *value <= max) return *value;
  wanted(what);
  return otherwise;
}

std::uint64_t Node::size(std::uint64_t otherwise, std::uint64_t min, std::uint64_t max) const {
  const std::string what =
      in_range("a size as 4096, 64MiB", min, max, std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(), format_size);
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  auto value = parse_size(*text);
  if (value && *value >= min && *value <= max) return *value;
  wanted(what);
  return otherwise;
}

HostPort Node::host_port(const HostPort& otherwise) const {
  const std::string what = "HOST:PORT, as 127.0.0.1:7400 or [::1]:7400";
  const std::string* text = scalar(what);
  if (text == nullptr) return otherwise;
  auto value = parse_host_port(*text);
  if (value) return std::move(*value);
  wanted(what);
  return otherwise;
}

std::size_t Node::choice_index(const std::vector<const char*>& names) const {
  std::string what = "one of";
  for (const char* name : names) what += std::string(what == "one of" ? " " : ", ") + name;
  const std::string* text = scalar(what);
  if (text == nullptr) return names.size();
  const auto it = std::find(names.begin(), names.end(), *text);
  if (it == names.end()) wanted(what);
  return static_cast<std::size_t>(it - names.begin());
}

std::vector<Node> Node::list() const {
  std::vector<Node> nodes;
  if (!given()) return nodes;
  const TreeNode& node = tree_->nodes[index_];
  if (node.kind != TreeNode::Kind::list) {
    wanted("a list");
    return nodes;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    auto path = std::make_shared<Path>();
    path->parent = path_;
    path->step = fmt::format("[{}]", i);
    path->place = tree_->nodes[node.items[i]].place;
    const bool left_out = tree_->nodes[node.items[i]].kind == TreeNode::Kind::null;
    nodes.push_back(Node(tree_, left_out ? kLeftOut : node.items[i], std::move(path)));
  }
  return nodes;
}

std::vector<std::string> Node::strings() const {
  std::vector<std::string> texts;
  for (const Node& node : list()) texts.push_back(node.required().string());
  return texts;
}

std::vector<Node::Entry> Node::entries() const {
  std::vector<Entry> entries;
  if (!given()) return entries;
  if (!is_map()) {
    wanted("a map of keys and values");
    return entries;
  }
  std::vector<std::string> keys;
  for (const TreeNode::Member& member : tree_->nodes[index_].members) keys.push_back(member.key);
  for (const std::string& key : keys) entries.push_back({key, (*this)[key]});
  return entries;
}

}  // namespace nezu::config
