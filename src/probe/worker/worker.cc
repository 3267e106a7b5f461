#include "probe/worker/worker.h"

#include <array>
#include <chrono>
#include <deque>

#include "probe/worker/clock_keeper.h"

namespace nezu::probe::worker {
namespace {
constexpr Nanos kWait = std::chrono::milliseconds(20);
constexpr Nanos kLookEvery = std::chrono::milliseconds(20);
constexpr Nanos kSnapshotEvery = std::chrono::milliseconds(100);
constexpr Nanos kFoundEvery = std::chrono::milliseconds(200);
constexpr std::size_t kMaxUnsent = 1000;  // slices that wait because the main thread's queue is full
}  // namespace

// The thread's own state.
class Worker::Loop final : public TransactionSink {
 public:
  explicit Loop(Worker& w)
      : w_(w), o_(w.options_), pipeline_(o_.pipeline, o_.key, *this), targets_({.worker = o_.index}), clock_(o_.timestamp_offset) {}

  void run() {
    while (!w_.end_ && !finished_) {
      look_at_clock();
      take_commands();
      if (finished_) break;
      if (source_ && may_read())
        read();
      else if (!source_ && o_.live)
        stand_still();
      hand_over();
      if (discovery_ || !found_.empty()) hand_over_found(false);
      publish(false);
      if (!source_ || !may_read()) wait_for_command();
    }
    hand_over();
    publish(true);
  }

  void transaction(const Transaction& t) override {
    targets_.add(t);
    if (discovery_) discovery_->add(t);
  }

 private:
  // A file is read from the first plan with a service on: what was read before would be measured by nobody.
  bool may_read() const { return o_.live || (measuring_ && unsent_.size() < 16); }

  void look_at_clock() {
    if (!o_.live) return;
    mono_ = w_.clock_.mono();
    WallTime wall = w_.clock_.wall();
    // Taken off the processor between the two readings: once more.
    for (int i = 0; i < 3; ++i) {
      const MonoTime again = w_.clock_.mono();
      if (again - mono_ < std::chrono::milliseconds(1)) break;
      mono_ = again;
      wall = w_.clock_.wall();
    }
    const ClockKeeper::Step step = clock_.look(wall, mono_);
    if (step.by == Nanos(0) || !o_.follow_wall_clock) return;
    send(ClockStepped{o_.index, step.by, step.jump});
    if (step.jump == Nanos(0)) return;
    // Nobody watched what lies between, and what was open would seem to have lasted for so long.
    pipeline_.finish();
    const bool watching = targets_.watching();
    targets_.unwatch(watermark_);
    watermark_ = std::max(watermark_, clock_.now() - o_.lag);
    if (watching) targets_.watch(watermark_);
    targets_.advance(watermark_, totals(), slices_);
  }

  void take_commands() {
    while (auto command = w_.commands_.try_pop()) carry_out(**command);
  }
  void wait_for_command() {
    if (finished_) return;
    if (auto command = w_.commands_.pop_for(kWait)) carry_out(**command);
  }
  void carry_out(Command& command) {
    const bool tell_at_once = std::holds_alternative<TakeSource>(command);
    std::visit([this](auto&& c) { on(std::forward<decltype(c)>(c)); }, std::move(command));
    if (tell_at_once) publish(true);
  }

  void on(TakePlan c) {
    measuring_ = measuring_ || c.plan->service_count() > 0;
    o_.pipeline.keep_request_head = c.plan->needs_head();
    pipeline_.set_options(o_.pipeline);
    targets_.set_plan(std::move(c.plan), watermark_);
    tell_generation();
  }
  void on(TakeSource c) {
    if (source_) close_source();
    source_ = std::move(c.source);
    if (!source_ || !o_.live) return;
    watermark_ = std::max(watermark_, clock_.now() - o_.lag);
    targets_.watch(std::max(watermark_, clock_.now()));
  }
  void on(TakeOptions c) {
    const bool head = o_.pipeline.keep_request_head;  // the plan's, not the configuration's
    o_.pipeline = c.options;
    o_.pipeline.keep_request_head = head;
    pipeline_.set_options(o_.pipeline);
  }
  void on(TakeDiscovery c) {
    hand_over_found(true);
    discovery_.reset();
    discovery_job_ = c.job;
    if (c.job != 0) discovery_ = std::make_unique<discovery::Table>(c.source, o_.discovery, HashKey{o_.key.low, ~o_.key.high});
    measuring_ = measuring_ || c.job != 0;
    send(DiscoveryTaken{o_.index, c.job});
  }
  void on(Finish) {
    drain();
    // What is still open is the next instance's to measure: it is not decided here.
    look_at_drops(true);
    targets_.finish(watermark_, totals(), slices_);
    tell_generation();
    finished_ = true;
    source_.reset();
    hand_over();
    hand_over_found(true);
    send(Finished{o_.index});
  }
  // What the ring holds already was seen by us.
  void drain() {
    for (int i = 0; i < 1000 && source_ && o_.live; ++i) {
      Result<Polled> polled = source_->poll(batch_, Nanos(0));
      if (!polled.ok() || *polled != Polled::frames) return;
      process();
    }
  }

  void tell_generation() {
    if (targets_.generation() == told_generation_) return;
    told_generation_ = targets_.generation();
    // Who hears that a plan was taken up has everything from before it.
    targets_.flush(watermark_, totals(), slices_);
    hand_over();
    send(PlanTaken{o_.index, told_generation_, watermark_});
  }

  void read() {
    Result<Polled> polled = source_->poll(batch_, kWait);
    if (!polled.ok()) return fail(polled.error());
    look_at_clock();
    switch (*polled) {
      case Polled::frames: process(); break;
      case Polled::empty: come_to(empty_watermark()); break;
      case Polled::end:
        if (o_.live) return fail(Error(ErrorCode::unavailable, "the capture has ended"));
        pipeline_.finish();
        come_to(pipeline_.watermark());
        source_.reset();
        send(SourceEnded{o_.index});
        return;
    }
    look_at_drops(false);
    targets_.advance(watermark_, totals(), slices_);
    tell_generation();
  }

  void process() {
    if (!o_.live && !targets_.watching()) {
      Frame first;  // a file's coverage begins with its first frame
      if (!batch_.next(first)) return;
      targets_.watch(first.time);
      pipeline_.process(&first, 1);
    }
    if (clock_.plain() || !o_.follow_wall_clock || !o_.live) {
      pipeline_.process(batch_);
    } else {
      std::array<Frame, 256> frames;
      std::size_t n = 0;
      while (batch_.next(frames[n])) {
        frames[n].time = clock_.correct(frames[n].time);
        if (++n == frames.size()) {
          pipeline_.process(frames.data(), n);
          n = 0;
        }
      }
      if (n > 0) pipeline_.process(frames.data(), n);
    }
    come_to(pipeline_.watermark());
  }

  // When the ring was seen empty, everything up to the present less a block's wait has been seen.
  PacketTime empty_watermark() const {
    if (!o_.live) return watermark_;
    const PacketTime present = clock_.now() - o_.lag;
    if (const auto told = batch_.watermark()) {
      if (!o_.follow_wall_clock) return *told;
      return std::min(*told + clock_.shift(), present);
    }
    return present;
  }

  void come_to(PacketTime watermark) {
    if (watermark > watermark_) watermark_ = watermark;
    pipeline_.advance(watermark_);
  }

  // The capture stands: time goes on, windows close, and nothing covers them.
  void stand_still() {
    come_to(std::max(watermark_, clock_.now() - o_.lag));
    targets_.advance(watermark_, totals(), slices_);
    tell_generation();
  }

  void fail(const Error& error) {
    close_source();
    send(SourceFailed{o_.index, error});
  }
  void close_source() {
    look_at_drops(true);
    gone_ = sum(gone_, source_->statistics());
    last_ = {};
    source_.reset();
    targets_.unwatch(watermark_);
  }

  static SourceStatistics sum(SourceStatistics a, const SourceStatistics& b) {
    a.kernel_drops += b.kernel_drops;
    a.freezes += b.freezes;
    a.interface_drops += b.interface_drops;
    a.own_copies += b.own_copies;
    return a;
  }

  void look_at_drops(bool now) {
    if (!source_ || (!now && o_.live && mono_ - looked_at_ < kLookEvery)) return;
    looked_at_ = mono_;
    last_ = source_->statistics();
    targets_.look(o_.live ? std::max(clock_.now(), watermark_) : watermark_, sum(gone_, last_).kernel_drops, pipeline_.counters().frames);
  }

  window::Counters totals() const {
    window::Counters c = pipeline_.counters();
    const SourceStatistics s = sum(gone_, last_);
    c.kernel_drops = s.kernel_drops;
    c.interface_drops = s.interface_drops;
    return c;
  }

  void send(Event event) {
    unsent_.push_back(std::move(event));
    hand_over();
  }

  void hand_over() {
    for (auto& slice : slices_) unsent_.push_back(SliceReady{std::move(slice)});
    slices_.clear();
    bool woken = false;
    while (!unsent_.empty() && w_.events_.push(std::move(unsent_.front()))) {
      unsent_.pop_front();
      woken = true;
    }
    if (woken) w_.wake_();
    // The main thread is stuck: slices go, events stay. What they covered isn't covered then: a gap.
    while (o_.live && unsent_.size() > kMaxUnsent && std::holds_alternative<SliceReady>(unsent_.front())) {
      unsent_.pop_front();
      ++slices_refused_;
    }
  }

  // Not among `unsent_`: what is found can wait in its table, and nothing waits behind it.
  void hand_over_found(bool now) {
    const MonoTime mono = w_.clock_.mono();
    if (discovery_ && !discovery_->empty() && (now || (found_.empty() && mono - found_at_ >= kFoundEvery))) {
      found_.push_back(Discovered{discovery_job_, discovery_->take()});
      found_at_ = mono;
    }
    bool woken = false;
    while (!found_.empty() && w_.events_.push(std::move(found_.front()))) {
      found_.pop_front();
      woken = true;
    }
    if (woken) w_.wake_();
  }

  void publish(bool now) {
    const MonoTime mono = o_.live ? mono_ : w_.clock_.mono();
    if (!now && mono - published_at_ < kSnapshotEvery) return;
    published_at_ = mono;
    Snapshot s;
    s.counters = totals();
    s.open = pipeline_.open();
    s.source = sum(gone_, last_);
    s.capturing = source_ != nullptr;
    s.watermark = watermark_;
    s.generation = targets_.generation();
    s.connections = pipeline_.connections();
    s.memory = pipeline_.memory();
    s.negative_times = targets_.negative_times();
    s.jumps = targets_.jumps();
    s.clock_steps = clock_.steps();
    s.clock_shift = clock_.shift();
    s.slices_refused = slices_refused_;
    s.taken_at = mono;
    MutexLock lock(w_.mutex_);
    w_.snapshot_ = s;
  }

  Worker& w_;
  Options o_;
  Pipeline pipeline_;
  aggregate::Worker targets_;
  ClockKeeper clock_;
  std::unique_ptr<FrameSource> source_;
  FrameBatch batch_;
  SourceStatistics gone_, last_;
  MonoTime mono_{}, looked_at_{}, published_at_{};
  PacketTime watermark_{};
  aggregate::Slices slices_;
  std::deque<Event> unsent_;
  std::unique_ptr<discovery::Table> discovery_;  // while a job runs
  std::uint64_t discovery_job_ = 0;
  std::deque<Event> found_;
  MonoTime found_at_{};
  std::uint64_t told_generation_ = 0, slices_refused_ = 0;
  bool measuring_ = false, finished_ = false;
};

Worker::Worker(const Options& options, const Clock& clock, BoundedQueue<Event>& events, std::function<void()> wake)
    : options_(options), clock_(clock), events_(events), wake_(std::move(wake)) {}

Worker::~Worker() {
  end_ = true;
  commands_.close();
  if (thread_.joinable()) thread_.join();
}

void Worker::start() {
  thread_ = std::thread([this] { Loop(*this).run(); });
}

Snapshot Worker::snapshot() const {
  MutexLock lock(mutex_);
  return snapshot_;
}

}  // namespace nezu::probe::worker
