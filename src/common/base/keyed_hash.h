// Keyed hashing (XXH3 with a secret derived from a key): strangers choose what we hash (addresses, ports, names), so no table may use a hash
// whose collisions they can compute. The key comes from Random at start-up. Not a cryptographic signature.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nezu {

// 128 bits.
struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
  friend bool operator==(const HashKey&, const HashKey&) = default;
};

// A hash function of its own for each key; the same on every machine. Copyable (200 bytes); const calls from any thread.
class KeyedHash {
 public:
  explicit KeyedHash(const HashKey& key);
  std::uint64_t operator()(const void* bytes, std::size_t size) const;
  std::uint64_t operator()(std::string_view text) const { return (*this)(text.data(), text.size()); }

 private:
  static constexpr std::size_t kSecretBytes = 192;
  alignas(64) std::array<std::uint8_t, kSecretBytes> secret_{};
};

// The names of a transaction (docs/failover.md, "Names"): both nodes of a pair compute the same from the same bytes on the wire.
enum class NameOf : std::uint8_t { request = 1, response = 2 };
struct NamedBytes {
  std::array<std::uint8_t, 16> client_address{};  // IPv4 as ::ffff:a.b.c.d, in network order
  std::array<std::uint8_t, 16> server_address{};
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
  std::uint32_t stream = 0;    // in HTTP/2; 0 in HTTP/1
  std::uint32_t sequence = 0;  // TCP sequence number of the message's first byte
};
// Never 0: 0 says "not known".
std::uint64_t transaction_name(const KeyedHash& hash, NameOf kind, const NamedBytes& bytes);

}  // namespace nezu
