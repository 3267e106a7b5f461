#include "model/wire/framed.h"

#include <fmt/core.h>

namespace nezu::wire {

Result<std::string> framed(const Message& message, std::size_t limit) {
  const std::string bytes = encode(message);
  if (bytes.size() <= limit) return frame(bytes);
  const auto* whole = std::get_if<Definitions>(&message);
  if (!whole || whole->services.size() < 2)
    return Error(ErrorCode::invalid_argument, fmt::format("a message to be sent has {} bytes; wanted at most {}", bytes.size(), limit));
  const auto middle = whole->services.begin() + static_cast<std::ptrdiff_t>(whole->services.size() / 2);
  auto first = framed(Definitions{{whole->services.begin(), middle}}, limit);
  if (!first) return first;
  auto second = framed(Definitions{{middle, whole->services.end()}}, limit);
  if (!second) return second;
  return *std::move(first) + *second;
}

}  // namespace nezu::wire
