// framed: a message as the bytes to send, also where it is larger than a frame may be.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "model/wire/frame.h"
#include "model/wire/messages.h"

namespace nezu::wire {

// One frame. Definitions beyond `limit` bytes (1 … kMaxFrameBytes) become several: a receiver keeps what each of them brings. (Ledgers are
// divided by who knows which records they are of: manager/monitor.)
// Errors: invalid_argument, a message that can't be divided is larger than `limit`.
Result<std::string> framed(const Message& message, std::size_t limit = kMaxFrameBytes);

}  // namespace nezu::wire
