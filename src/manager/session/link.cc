#include "manager/session/link.h"

#include <fmt/core.h>

#include <algorithm>

#include "model/wire/framed.h"

namespace nezu::session {
namespace {

bool tells_all_ledgers(const wire::Message& message) {
  const auto* stored = std::get_if<wire::Stored>(&message);
  return stored ? stored->ledger_since.has_value() : std::holds_alternative<wire::Grant>(message);
}

}  // namespace

Link::Link(std::uint64_t id, std::unique_ptr<net::Stream> stream, std::size_t queue_bytes, Hooks hooks)
    : id_(id), stream_(std::move(stream)), queue_bytes_(queue_bytes), hooks_(std::move(hooks)) {}

void Link::start() { read(); }

void Link::read() {
  stream_->read([this](Result<std::string_view> bytes) {
    if (!bytes.ok() || bytes->empty()) {
      if (ended_) return;
      ended_ = true;
      hooks_.ended(*this, bytes.ok());
      return;
    }
    bytes_in_ += bytes->size();
    if (!finished_) take(*bytes);
    if (!ended_) read();
  });
}

void Link::take(std::string_view bytes) {
  reader_.append(bytes);
  while (!finished_) {
    auto next = reader_.next();
    if (!next.ok()) return hooks_.broken(*this, next.error());
    if (!next->ready) return;
    auto message = wire::decode(next->bytes);
    // A kind of message that a newer probe has and we don't know is passed over: fields and messages are only ever added.
    if (!message.ok() && message.error().code() == ErrorCode::unsupported) continue;
    if (!message.ok()) return hooks_.broken(*this, message.error());
    hooks_.message(*this, *std::move(message), next->bytes);
  }
}

Status Link::send(const wire::Message& message) {
  if (finished_ || ended_) return {};
  auto bytes = wire::framed(message);
  if (!bytes) return bytes.error();
  const std::size_t size = bytes->size(), queued = stream_->queued_bytes();
  const bool of_ledgers = tells_all_ledgers(message);
  // A frame that is half written counts as a ledger's to its end.
  const std::size_t others = queued - std::min(queued, *ledgers_);
  if (!of_ledgers && others + size > queue_bytes_)
    return Error(ErrorCode::no_space, fmt::format("it doesn't read: its queue is full ({} bytes)", queued));
  if (of_ledgers) *ledgers_ += size;
  // A failure comes up in read() as well.
  stream_->write(*std::move(bytes), [ledgers = ledgers_, of_ledgers, size](Status) { *ledgers -= of_ledgers ? size : 0; });
  return {};
}

void Link::finish() {
  if (finished_) return;
  finished_ = true;
  if (!ended_) stream_->shutdown();
}

}  // namespace nezu::session
