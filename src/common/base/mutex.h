// Mutex, MutexLock, Condition: std's, with clang's thread-safety annotations, so that the compiler sees a guarded member touched unlocked.
//
//   Mutex mutex_;
//   int count_ NEZU_GUARDED_BY(mutex_) = 0;
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define NEZU_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define NEZU_THREAD_ANNOTATION(x)
#endif
#define NEZU_CAPABILITY(name) NEZU_THREAD_ANNOTATION(capability(name))
#define NEZU_SCOPED_CAPABILITY NEZU_THREAD_ANNOTATION(scoped_lockable)
#define NEZU_GUARDED_BY(mutex) NEZU_THREAD_ANNOTATION(guarded_by(mutex))
#define NEZU_REQUIRES(...) NEZU_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define NEZU_EXCLUDES(...) NEZU_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NEZU_ACQUIRE(...) NEZU_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define NEZU_RELEASE(...) NEZU_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NEZU_NO_THREAD_SAFETY_ANALYSIS NEZU_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace nezu {

class NEZU_CAPABILITY("mutex") Mutex {
 public:
  void lock() NEZU_ACQUIRE() { mutex_.lock(); }
  void unlock() NEZU_RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class NEZU_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) NEZU_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() NEZU_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits are loops: `while (!condition) changed_.wait(mutex_);`
class Condition {
 public:
  void wait(Mutex& mutex) NEZU_REQUIRES(mutex) NEZU_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False where the time has passed first.
  bool wait_for(Mutex& mutex, std::chrono::nanoseconds d) NEZU_REQUIRES(mutex) NEZU_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_for(lock, d) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace nezu
