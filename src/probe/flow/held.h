// HeldStore: segments that can't be handed over yet, because bytes before them are missing or because they answer bytes that we
// haven't seen. Bounded in bytes and pieces per stream and altogether.
//
// A held piece whose content nobody needs (it lies in a body whose length is known) is only a range; neighbours of that kind become one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace nezu::probe::flow {

struct HeldPiece {
  std::uint32_t seq = 0;
  std::uint32_t length = 0;
  std::uint32_t ack = 0;
  std::uint32_t skipped = 0;    // bytes at the front whose content isn't kept
  std::uint32_t kept = 0;       // bytes of content behind them; what is missing to `length` was cut by the snap length
  std::uint32_t quiet = 0;      // see Piece
  std::uint32_t segments = 0;   // how many captured segments this piece stands for, in the counters
  std::int64_t first_time = 0;  // when the earliest and the latest part of it was seen
  std::int64_t last_time = 0;
  bool late = false;   // it was acknowledged before it was seen
  bool acted = false;  // see Piece
  std::unique_ptr<std::uint8_t[]> bytes;

  std::uint32_t end() const { return seq + length; }
};

// One stream's pieces in order, none overlapping another.
struct HeldList {
  std::vector<HeldPiece> pieces;
  std::size_t first = 0;  // pieces before this one have been taken out
  std::uint64_t bytes = 0;

  bool empty() const { return first == pieces.size(); }
  std::size_t size() const { return pieces.size() - first; }
  HeldPiece& front() { return pieces[first]; }
  void pop() {
    bytes -= pieces[first].kept;
    pieces[first].bytes.reset();
    if (++first == pieces.size()) {
      pieces.clear();
      first = 0;
    }
  }
};

class HeldStore {
 public:
  HeldStore() : lists_(1) {}

  // A list's number, never 0. Lists that were let go are used again.
  std::uint32_t open() {
    if (!free_.empty()) {
      const std::uint32_t n = free_.back();
      free_.pop_back();
      return n;
    }
    lists_.emplace_back();
    return static_cast<std::uint32_t>(lists_.size() - 1);
  }
  void close(std::uint32_t number) {
    HeldList& list = lists_[number];
    bytes_ -= list.bytes;
    segments_ -= count(list);
    if (list.pieces.capacity() > 64) {
      list.pieces = std::vector<HeldPiece>();
    } else {
      list.pieces.clear();
    }
    list.first = 0;
    list.bytes = 0;
    free_.push_back(number);
  }
  HeldList& at(std::uint32_t number) { return lists_[number]; }

  // Bookkeeping of what goes in and out of the lists.
  void added(std::uint64_t bytes, std::uint64_t segments) {
    bytes_ += bytes;
    segments_ += segments;
  }
  void removed(std::uint64_t bytes, std::uint64_t segments) {
    bytes_ -= bytes;
    segments_ -= segments;
  }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t segments() const { return segments_; }

 private:
  static std::uint64_t count(const HeldList& list) {
    std::uint64_t n = 0;
    for (std::size_t i = list.first; i < list.pieces.size(); ++i) n += list.pieces[i].segments;
    return n;
  }

  std::vector<HeldList> lists_;
  std::vector<std::uint32_t> free_;
  std::uint64_t bytes_ = 0;
  std::uint64_t segments_ = 0;
};

}  // namespace nezu::probe::flow
