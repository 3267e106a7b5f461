#include "common/base/keyed_hash.h"

// Inlined: this is on the packets' way.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace nezu {
namespace {
void put(std::uint8_t*& to, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) *to++ = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
}  // namespace

// The secret is made here and not by the library, whose way of making one has changed between versions: two nodes that build on different
// ones must still agree on the transactions' names.
KeyedHash::KeyedHash(const HashKey& key) {
  std::uint64_t state = key.k0;
  std::uint8_t* to = secret_.data();
  for (std::size_t i = 0; i < kSecretBytes; i += 8) {
    state = mix(state + 0x9e3779b97f4a7c15 * (i + 1)) ^ key.k1;
    put(to, mix(state), 8);
  }
}

std::uint64_t KeyedHash::operator()(const void* bytes, std::size_t size) const {
  return XXH3_64bits_withSecret(bytes, size, secret_.data(), secret_.size());
}

std::uint64_t transaction_name(const KeyedHash& hash, NameOf kind, const NamedBytes& bytes) {
  std::array<std::uint8_t, 45> message{};
  std::uint8_t* to = message.data();
  put(to, static_cast<std::uint64_t>(kind), 1);
  std::memcpy(to, bytes.client_address.data(), 16);
  std::memcpy(to + 16, bytes.server_address.data(), 16);
  to += 32;
  put(to, bytes.client_port, 2);
  put(to, bytes.server_port, 2);
  put(to, bytes.stream, 4);
  put(to, bytes.sequence, 4);
  const std::uint64_t name = hash(message.data(), message.size());
  return name == 0 ? 1 : name;
}

}  // namespace nezu
