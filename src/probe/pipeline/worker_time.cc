// What time does: time-outs, holes that are declared, ended connections that are forgotten. And the limits.
#include <algorithm>

#include "probe/pipeline/worker.h"

namespace nezu::probe {
namespace {

constexpr std::int64_t kWaitingTick = 10'000'000;
constexpr std::int64_t kLinger = 1'000'000'000;  // how long an ended connection is remembered, for late copies

}  // namespace

void Pipeline::Worker::advance(std::int64_t now) {
  clock_.advance(now);
  exchange_.set_now(clock_.now(), clock_.setting());
  run_timers();
}

void Pipeline::Worker::finish() {
  for (std::uint32_t n = 1; n <= table_.slots(); ++n) {
    Connection& c = table_.slot(n);
    if (!c.used) continue;
    if (!c.closed) end(c, Reason::capture_end);
    c.closed = false;
    table_.erase(c);
  }
  for (std::size_t n = early_.held(); n != 0; --n) count(window::SegmentFate::held_at_end);
  early_.clear();
  closed_.clear();
  closed_count_ = 0;
  waiting_.clear();
  for (std::uint32_t n = 1; n <= table_.slots(); ++n) table_.slot(n).listed = false;
}

// Decides what is open; the connection may be forgotten then.
void Pipeline::Worker::end(Connection& c, Reason reason) {
  if (!c.user.dead) {
    for (flow::Stream& stream : c.stream) {
      if (stream.deadline == 0 && flow::after(stream.acked, stream.next)) {
        stream.proof = stream.acked;
        stream.deadline = 1;
        c.trouble = true;
      }
    }
    assembler_.flush(c, clock_.now());
  }
  exchange_.end(c, reason);
}

// Both sides have ended: everything is decided; what still comes are late copies.
void Pipeline::Worker::close(Connection& c) {
  assembler_.drop(c, window::SegmentFate::held_at_end);
  exchange_.end(c, Reason::closed);
  c.closed = true;
  ++closed_count_;
  closed_.push_back({c.slot, clock_.now()});
}

void Pipeline::Worker::forget(Connection& c) {
  assembler_.drop(c, window::SegmentFate::held_at_end);
  if (c.closed) --closed_count_;
  c.closed = false;  // its place in closed_ is passed over
  table_.erase(c);
}

void Pipeline::Worker::forget_oldest() {
  Connection& c = table_.slot(closed_.front().slot);
  closed_.pop_front();
  if (c.used && c.closed) forget(c);
}

void Pipeline::Worker::arm(Connection& c) {
  if (c.timer_armed) return;
  c.timer_armed = true;
  timers_.set(c.slot, clock_.now(), clock_.now() + std::min(options_.transaction_timeout, options_.idle_timeout).count());
}

void Pipeline::Worker::list(Connection& c) {
  if (c.listed) return;
  c.listed = true;
  waiting_.push_back(c.slot);
}

void Pipeline::Worker::run_timers() {
  const std::int64_t now = clock_.now();
  timers_run_ = now;
  if (!waiting_.empty() && (now - waiting_checked_ >= kWaitingTick || now < waiting_checked_)) {
    waiting_checked_ = now;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      Connection& c = table_.slot(waiting_[i]);
      bool keep = false;
      if (c.used && !c.closed) {
        if (c.trouble && !c.user.dead) assembler_.settle(c, now);
        exchange_.expire(c, options_.transaction_timeout.count());
        keep = (c.trouble && assembler_.waiting(c)) || exchange_.tentative(c);
        if (c.stream[0].finished && c.stream[1].finished) {
          close(c);
          keep = false;
        }
      }
      if (keep) {
        waiting_[kept++] = waiting_[i];
      } else {
        c.listed = false;
      }
    }
    waiting_.resize(kept);
  }
  while (!closed_.empty() && (now - closed_.front().time >= kLinger || now < closed_.front().time - kLinger)) { forget_oldest(); }
  timers_.run(now, [this](std::uint32_t slot) { check(table_.slot(slot)); });
}

// A connection's timer has fired.
void Pipeline::Worker::check(Connection& c) {
  c.timer_armed = false;
  if (!c.used) return;
  if (!c.closed) {
    if (!c.user.dead) exchange_.expire(c, options_.transaction_timeout.count());
    if (clock_.now() - c.last_time >= options_.idle_timeout.count()) {
      end(c, Reason::timeout);
      return forget(c);
    }
  }
  arm(c);
}

void Pipeline::Worker::set_options(const Options& options) {
  options_ = options;
  options_.connections = std::max<std::uint32_t>(options.connections, 16);
  options_.memory = std::max<std::uint64_t>(options.memory, std::uint64_t{4} << 20);
  options_.transaction_timeout = std::max(options.transaction_timeout, Nanos(1'000'000));
  options_.idle_timeout = std::max(options.idle_timeout, Nanos(1'000'000));
  options_.head = std::clamp<std::uint32_t>(options.head, 256, 1 << 20);
  ports_.clear();
  if (!options.ports.empty()) {
    ports_.resize(65536);
    for (const std::uint16_t port : options.ports) ports_[port] = true;
  }
  http1::Exchange::Limits limits;
  limits.head = options_.head;
  limits.memory = options_.memory / 2;
  limits.keep_request_head = options_.keep_request_head;
  exchange_.set_limits(limits);
  assembler_.set_limit(options_.memory / 4);
}

std::uint64_t Pipeline::Worker::memory() const {
  return table_.memory() + hints_.memory() + assembler_.store().bytes() + exchange_.memory();
}

// ---- the public face

Pipeline::Pipeline(const Options& options, const Key& key, TransactionSink& sink) : worker_(std::make_unique<Worker>(options, key, sink)) {}
Pipeline::~Pipeline() = default;

void Pipeline::process(FrameBatch& batch) {
  Frame frames[Worker::kGroup];
  for (;;) {
    std::size_t n = 0;
    while (n < Worker::kGroup && batch.next(frames[n])) ++n;
    if (n == 0) return;
    worker_->process(frames, n);
  }
}
void Pipeline::process(const Frame* frames, std::size_t count) { worker_->process(frames, count); }
void Pipeline::advance(PacketTime now) { worker_->advance(to_ns(now)); }
PacketTime Pipeline::watermark() const { return packet_time_ns(worker_->watermark()); }
void Pipeline::finish() { worker_->finish(); }
void Pipeline::set_options(const Options& options) { worker_->set_options(options); }
const window::Counters& Pipeline::counters() const { return worker_->counters(); }
window::Open Pipeline::open() const { return worker_->open(); }
std::uint32_t Pipeline::connections() const { return worker_->connections(); }
std::uint64_t Pipeline::memory() const { return worker_->memory(); }

}  // namespace nezu::probe
