// A thread that runs queries one after another, so that the loop never waits for a disk. Bounded.
#pragma once

#include <cstddef>
#include <thread>

#include "common/base/bounded_queue.h"
#include "common/base/unique_function.h"

namespace nezu::api {

class QueryThread {
 public:
  explicit QueryThread(std::size_t capacity) : queue_(capacity), thread_([this] { run(); }) {}
  ~QueryThread() {
    queue_.close();
    queue_.take_all();  // what hasn't begun isn't begun; its responders answer for themselves
    thread_.join();
  }
  QueryThread(const QueryThread&) = delete;
  QueryThread& operator=(const QueryThread&) = delete;

  // False: too many wait.
  bool run(UniqueFunction<void()> task) { return queue_.push(std::move(task)); }

 private:
  void run() {
    while (auto task = queue_.pop()) (*task)();
  }
  BoundedQueue<UniqueFunction<void()>> queue_;
  std::thread thread_;
};

}  // namespace nezu::api
