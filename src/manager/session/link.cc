#include "manager/session/link.h"

#include "model/wire/framed.h"

namespace nezu::session {

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

bool Link::send(const wire::Message& message) {
  if (finished_ || ended_) return true;
  auto bytes = wire::framed(message);
  if (!bytes || stream_->queued_bytes() + bytes->size() > queue_bytes_) return false;
  stream_->write(*std::move(bytes), [](Status) {});  // a failure comes up in read() as well
  return true;
}

void Link::finish() {
  if (finished_) return;
  finished_ = true;
  if (!ended_) stream_->shutdown();
}

}  // namespace nezu::session
