// Configuration files: YAML with positions, read through a strict layer. yaml-cpp is used in parse.cc only.
//
//   auto document = config::Document::parse(text, "probe.yaml");           // syntax, limits
//   if (!document) …document.error()
//   config::Node root = document->root();
//   options.workers = root["capture"]["workers"].integer(1, 0, 64);        // default, smallest, largest
//   options.name = root["probe"]["name"].required().string();
//   if (Status s = document->finish(); !s) …                               // every error of the file at once, also unknown keys
//
// A getter never fails on the spot: it notes the error, gives the default, and reading goes on, so that people see all errors of a file in one
// go. Nothing that was read counts until finish() has said that it is well.
// Errors: "FILE:LINE:COLUMN: capture.workers: 'x': wanted a whole number, 0–64", one a line, in order of place; lines and columns from 1,
// columns in characters.
//
// Limits: 4 MiB of text, 100,000 values (aliases counted as often as they are used), 32 levels. Keys twice in a map, aliases that hold
// themselves, merge keys, tags other than !!str and a second document are errors. A key with no value, null or ~ counts as left out.
// What is quoted is a string: "yes" is no truth, "5" no number.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/text.h"
#include "common/base/time.h"
#include "common/json/json.h"

namespace nezu::config {

class Node;
struct Tree;

// Movable; its Nodes live as long as it does.
class Document {
 public:
  // `file` is for messages only. ErrorCode::invalid_argument.
  static Result<Document> parse(std::string_view text, const std::string& file);
  // The same strict layer over JSON (an API's body): messages have the path, and no line.
  static Result<Document> from_json(const json::Value& value);

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Node root() const;
  // All errors that were met, and every key that nobody asked for.
  Status finish() const;

 private:
  explicit Document(std::unique_ptr<Tree> tree);
  std::unique_ptr<Tree> tree_;
};

// A place in the document: a value, or the place where one was left out. A small value; cheap to copy.
class Node {
 public:
  // The value of a key; a place that is left out where the key isn't there, or where this is left out. An error where this is no map.
  Node operator[](std::string_view key) const;
  // Notes an error where this is left out.
  Node required() const;
  bool given() const;  // not left out
  bool is_list() const;
  bool is_map() const;
  bool is_scalar() const;
  std::string path() const;  // "services[0].ports[1]"

  // Each gives the value, or `otherwise` where it is left out or wrong (which is noted).
  std::string string(std::string_view otherwise = {}) const;  // any plain or quoted scalar
  bool boolean(bool otherwise) const;                         // true or false
  std::int64_t integer(std::int64_t otherwise, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  double number(double otherwise, double min, double max) const;
  Nanos duration(Nanos otherwise, Nanos min = Nanos(0), Nanos max = Nanos::max()) const;  // signed where min < 0
  std::uint64_t size(std::uint64_t otherwise, std::uint64_t min = 0, std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) const;
  HostPort host_port(const HostPort& otherwise) const;
  // One of the words.
  template <class T>
  T choice(T otherwise, std::initializer_list<std::pair<const char*, T>> words) const {
    std::vector<const char*> names;
    for (const auto& [word, value] : words) names.push_back(word);
    const std::size_t index = choice_index(names);
    return index < words.size() ? (words.begin() + index)->second : otherwise;
  }

  // The items; empty where it is left out. An error where this is no list.
  std::vector<Node> list() const;
  std::vector<std::string> strings() const;
  // Keys and values in order; every key counts as asked for. An error where this is no map.
  struct Entry;
  std::vector<Entry> entries() const;

  // Notes an error here: "PLACE: PATH: 'VALUE': wanted WHAT". For rules that this header doesn't know.
  void wanted(const std::string& what) const;
  // Notes an error here in words of the caller's: "PLACE: PATH: TEXT".
  void error(const std::string& text) const;

 private:
  friend class Document;
  struct Path;
  Node(Tree* tree, std::size_t index, std::shared_ptr<const Path> path) : tree_(tree), index_(index), path_(std::move(path)) {}
  std::size_t choice_index(const std::vector<const char*>& names) const;
  const std::string* scalar(const std::string& what) const;

  static constexpr std::size_t kLeftOut = std::numeric_limits<std::size_t>::max();
  Tree* tree_;
  std::size_t index_;                 // of the value, or kLeftOut
  std::shared_ptr<const Path> path_;  // where it is, or would be
};
struct Node::Entry {
  std::string key;
  Node value;  // its place is the value's
};

}  // namespace nezu::config
