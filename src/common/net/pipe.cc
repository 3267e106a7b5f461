#include "common/net/pipe.h"

#include <array>
#include <deque>

namespace nezu::net {

namespace {
struct Pending {
  std::string bytes;
  std::size_t moved = 0;
  Stream::WriteHandler handler;
};
}  // namespace

// Side i holds what end i reads (inbox) and what it wants to write (outgoing). Everything that calls a handler runs in a posted task.
struct Pipe::Shared : std::enable_shared_from_this<Pipe::Shared> {
  struct Side {
    bool taken = false;
    bool open = true;    // its Stream lives (or was not taken yet)
    bool ended = false;  // it has shut its writing down, and all was moved
    bool shutdown_wanted = false;
    bool arriving = false;  // a delay is running
    std::string inbox;      // on its way to this end
    std::uint64_t given = 0;
    std::deque<Pending> outgoing;
    std::size_t queued = 0;
    Stream::ReadHandler reader;
    std::unique_ptr<Timer> timer;
  };

  Shared(EventLoop& event_loop, const PipeOptions& pipe_options) : loop(event_loop), options(pipe_options) {
    for (Side& side : sides) side.timer = std::make_unique<Timer>(loop);
  }

  EventLoop& loop;
  PipeOptions options;
  std::array<Side, 2> sides;
  bool held = false;
  bool is_cut = false;
  bool scheduled = false;

  void schedule() {
    if (scheduled) return;
    scheduled = true;
    loop.post([self = shared_from_this()] {
      self->scheduled = false;
      for (std::size_t i = 0; i < 2; ++i) self->move_writes(i);
      for (std::size_t i = 0; i < 2; ++i) self->deliver(i);
    });
  }

  Error broken(const char* what) const { return Error(ErrorCode::unavailable, std::string(what) + " pipe: connection reset by peer"); }

  void move_writes(std::size_t i) {
    Side& side = sides[i];
    Side& other = sides[1 - i];
    while (side.open && !side.outgoing.empty()) {
      const bool failed = is_cut || !other.open;
      Pending& front = side.outgoing.front();
      if (!failed) {
        const std::size_t room = options.capacity_bytes - std::min(options.capacity_bytes, other.inbox.size());
        const std::size_t size = std::min(room, front.bytes.size() - front.moved);
        other.inbox.append(front.bytes, front.moved, size);
        front.moved += size;
        side.queued -= size;
        if (front.moved < front.bytes.size()) return;
      } else {
        side.queued -= front.bytes.size() - front.moved;
      }
      Stream::WriteHandler handler = std::move(front.handler);
      side.outgoing.pop_front();
      if (handler) handler(failed ? Status(broken("write to")) : Status());
    }
    if (side.shutdown_wanted && side.outgoing.empty()) side.ended = true;
  }

  void deliver(std::size_t i) {
    Side& side = sides[i];
    const Side& other = sides[1 - i];
    if (!side.open || !side.reader || side.arriving) return;
    if (is_cut) return call_reader(side, broken("read from"));
    if (held) return;
    if (side.inbox.empty()) {
      if (other.ended || !other.open) call_reader(side, std::string_view());
      return;
    }
    if (options.delay > Nanos(0)) {
      side.arriving = true;
      side.timer->after(options.delay, [this, i] {  // the timer is ours: it can't outlive us
        sides[i].arriving = false;
        if (!held || is_cut) hand_over(i);
      });
      return;
    }
    hand_over(i);
  }

  void hand_over(std::size_t i) {
    const auto keep = shared_from_this();
    Side& side = sides[i];
    if (!side.open || !side.reader) return;
    if (is_cut) return call_reader(side, broken("read from"));
    const std::string piece = side.inbox.substr(0, options.piece_bytes);
    side.inbox.erase(0, piece.size());
    side.given += piece.size();
    schedule();  // there is room again
    call_reader(side, std::string_view(piece));
  }

  void call_reader(Side& side, Result<std::string_view> result) {
    Stream::ReadHandler handler = std::move(side.reader);
    handler(std::move(result));
  }

  void close(std::size_t i) {
    Side& side = sides[i];
    side.open = false;
    side.timer->cancel();
    const Stream::ReadHandler old_reader = std::move(side.reader);
    const std::deque<Pending> old_writes = std::move(side.outgoing);
    side.outgoing.clear();
    schedule();
  }
};

namespace {

class End final : public Stream {
 public:
  End(std::shared_ptr<Pipe::Shared> shared, std::size_t index) : shared_(std::move(shared)), index_(index) {}
  ~End() override { shared_->close(index_); }

  void read(ReadHandler handler) override {
    NEZU_CHECK(!side().reader);
    side().reader = std::move(handler);
    shared_->schedule();
  }
  void write(std::string bytes, WriteHandler handler) override {
    side().queued += bytes.size();
    side().outgoing.push_back({std::move(bytes), 0, std::move(handler)});
    shared_->schedule();
  }
  void shutdown() override {
    side().shutdown_wanted = true;
    shared_->schedule();
  }
  std::size_t queued_bytes() const override { return side().queued; }
  std::string peer() const override { return "pipe"; }

 private:
  Pipe::Shared::Side& side() const { return shared_->sides[index_]; }

  std::shared_ptr<Pipe::Shared> shared_;
  std::size_t index_;
};

std::unique_ptr<Stream> take(const std::shared_ptr<Pipe::Shared>& shared, std::size_t index) {
  NEZU_CHECK(!shared->sides[index].taken);
  shared->sides[index].taken = true;
  return std::make_unique<End>(shared, index);
}

}  // namespace

Pipe::Pipe(EventLoop& loop, const PipeOptions& options) : shared_(std::make_shared<Shared>(loop, options)) {}
Pipe::~Pipe() = default;

std::unique_ptr<Stream> Pipe::take_first() { return take(shared_, 0); }
std::unique_ptr<Stream> Pipe::take_second() { return take(shared_, 1); }

void Pipe::hold() { shared_->held = true; }

void Pipe::release() {
  shared_->held = false;
  shared_->schedule();
}

void Pipe::cut() {
  shared_->is_cut = true;
  for (auto& side : shared_->sides) {
    side.inbox.clear();
    side.arriving = false;
    side.timer->cancel();
  }
  shared_->schedule();
}

std::uint64_t Pipe::bytes_to_second() const { return shared_->sides[1].given; }
std::uint64_t Pipe::bytes_to_first() const { return shared_->sides[0].given; }

}  // namespace nezu::net
