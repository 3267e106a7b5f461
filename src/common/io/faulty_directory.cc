#include "common/io/faulty_directory.h"

#include "common/base/text.h"

namespace nezu::io {

class FaultyDirectory::File final : public WritableFile {
 public:
  File(FaultyDirectory& directory, std::shared_ptr<Inode> inode, std::string path)
      : directory_(directory), inode_(std::move(inode)), path_(std::move(path)), generation_(directory.generation_) {}

  Status append(std::string_view bytes) override {
    if (Status s = step("write " + path_); !s) {
      if (alive()) inode_->bytes += bytes.substr(0, bytes.size() / 2);
      return s;
    }
    inode_->bytes += bytes;
    return {};
  }
  Status sync() override {
    if (Status s = step("sync " + path_); !s) return s;
    inode_->durable = inode_->bytes.size();
    return {};
  }
  Status close() override { return step("close " + path_); }

 private:
  bool alive() const { return generation_ == directory_.generation_; }
  Status step(const std::string& what) {
    if (!alive()) return Error(ErrorCode::io, what + ": the machine has crashed");
    return directory_.step(what);
  }

  FaultyDirectory& directory_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
  std::uint64_t generation_;
};

void FaultyDirectory::fail_at(std::uint64_t n, Fault fault, std::uint64_t count) {
  fail_from_ = n == 0 ? 0 : operations_ + n;
  fail_count_ = count;
  fault_ = fault;
}

Status FaultyDirectory::step(const std::string& what) {
  ++operations_;
  if (fail_from_ == 0 || operations_ < fail_from_ || operations_ - fail_from_ >= fail_count_) return {};
  const bool full = fault_ == Fault::no_space;
  return Error(full ? ErrorCode::no_space : ErrorCode::io, what + (full ? ": No space left on device" : ": Input/output error"));
}

void FaultyDirectory::crash() {
  ++generation_;
  names_ = durable_names_;
  for (auto& [name, inode] : names_) inode->bytes.resize(inode->durable);
}

void FaultyDirectory::crash(Random& random) {
  ++generation_;
  // Each name stands as it was synced or as it was last seen: also a new name without its old one's end, and the other way round.
  Names after;
  const auto keep = [&](const Names& from, const std::string& name) {
    if (const auto it = from.find(name); it != from.end()) after[name] = it->second;
  };
  Names all = names_;
  all.insert(durable_names_.begin(), durable_names_.end());
  for (const auto& [name, inode] : all) keep(random.below(2) == 0 ? names_ : durable_names_, name);
  for (auto& [name, inode] : after) {
    const std::size_t tail = inode->bytes.size() - inode->durable;
    inode->bytes.resize(inode->durable + (tail == 0 ? 0 : random.below(tail + 1)));
    inode->durable = inode->bytes.size();
  }
  names_ = after;
  durable_names_ = after;
}

namespace {
Status check_name(const std::string& name) {
  if (!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos) return {};
  return Error(ErrorCode::invalid_argument, "memory: '" + name + "': wanted a plain file name");
}
Error missing(const std::string& path, const std::string& name) {
  return Error(ErrorCode::not_found, path + '/' + name + ": No such file or directory");
}
}  // namespace

Result<std::string> FaultyDirectory::read(const std::string& name, std::size_t max_bytes) {
  if (Status s = check_name(name); !s) return s.error();
  if (Status s = step("read " + name); !s) return s.error();
  const auto it = names_.find(name);
  if (it == names_.end()) return missing(path_, name);
  if (it->second->bytes.size() > max_bytes)
    return Error(ErrorCode::no_space, path_ + '/' + name + ": wanted at most " + format_size(max_bytes));
  return it->second->bytes;
}

Result<std::vector<std::string>> FaultyDirectory::list() {
  if (Status s = step("list"); !s) return s.error();
  std::vector<std::string> names;
  for (const auto& [name, inode] : names_) names.push_back(name);
  return names;
}

Result<bool> FaultyDirectory::exists(const std::string& name) {
  if (Status s = check_name(name); !s) return s.error();
  if (Status s = step("look for " + name); !s) return s.error();
  return names_.count(name) > 0;
}

Result<std::unique_ptr<WritableFile>> FaultyDirectory::create(const std::string& name, unsigned) {
  if (Status s = check_name(name); !s) return s.error();
  if (Status s = step("create " + name); !s) return s.error();
  auto inode = std::make_shared<Inode>();
  names_[name] = inode;
  return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, std::move(inode), path_ + '/' + name));
}

Status FaultyDirectory::rename(const std::string& from, const std::string& to) {
  if (Status s = check_name(from); !s) return s;
  if (Status s = check_name(to); !s) return s;
  if (Status s = step("rename " + from + " to " + to); !s) return s;
  const auto it = names_.find(from);
  if (it == names_.end()) return missing(path_, from);
  auto inode = it->second;
  names_.erase(it);
  names_[to] = std::move(inode);
  return {};
}

Status FaultyDirectory::remove(const std::string& name) {
  if (Status s = check_name(name); !s) return s;
  if (Status s = step("remove " + name); !s) return s;
  if (names_.erase(name) == 0) return missing(path_, name);
  return {};
}

Status FaultyDirectory::sync() {
  if (Status s = step("sync " + path_); !s) return s;
  durable_names_ = names_;
  return {};
}

}  // namespace nezu::io
