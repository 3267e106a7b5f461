// BoundedQueue<T>: threads talk by these. First in, first out, with a fixed capacity; what doesn't fit is refused and counted, never waited
// for, so that a slow reader can't stop a writer. Any number of threads on both ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/base/time.h"

namespace nezu {

template <class T>
class BoundedQueue {
 public:
  // REQUIRES: capacity > 0
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) { NEZU_CHECK(capacity > 0); }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False where the queue is full or closed; then `value` is as it was, and refused() has grown.
  bool push(T&& value) {
    {
      MutexLock lock(mutex_);
      if (closed_ || items_.size() >= capacity_) {
        ++refused_;
        return false;
      }
      items_.push_back(std::move(value));
      ++accepted_;
    }
    changed_.notify_one();
    return true;
  }
  bool push(const T& value) {
    T copy(value);
    return push(std::move(copy));
  }

  // The oldest item; empty where there is none.
  std::optional<T> try_pop() {
    MutexLock lock(mutex_);
    return take();
  }

  // Waits for an item. Empty: closed and everything was taken.
  std::optional<T> pop() {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) changed_.wait(mutex_);
    return take();
  }

  // Waits for an item, for about `d` at most. Empty: none came, or closed and everything was taken.
  std::optional<T> pop_for(Nanos d) {
    MutexLock lock(mutex_);
    if (items_.empty() && !closed_) changed_.wait_for(mutex_, d);
    return take();
  }

  // Everything that is there, in order.
  std::deque<T> take_all() {
    std::deque<T> all;
    MutexLock lock(mutex_);
    all.swap(items_);
    return all;
  }

  // No item is accepted any more; what is there can still be taken. Wakes everyone who waits.
  void close() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  std::size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }
  std::size_t capacity() const { return capacity_; }
  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }
  // Items offered = accepted() + refused().
  std::uint64_t accepted() const {
    MutexLock lock(mutex_);
    return accepted_;
  }
  std::uint64_t refused() const {
    MutexLock lock(mutex_);
    return refused_;
  }

 private:
  std::optional<T> take() NEZU_REQUIRES(mutex_) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  const std::size_t capacity_;
  mutable Mutex mutex_;
  Condition changed_;
  std::deque<T> items_ NEZU_GUARDED_BY(mutex_);
  bool closed_ NEZU_GUARDED_BY(mutex_) = false;
  std::uint64_t accepted_ NEZU_GUARDED_BY(mutex_) = 0;
  std::uint64_t refused_ NEZU_GUARDED_BY(mutex_) = 0;
};

}  // namespace nezu
