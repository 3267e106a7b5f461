// Stored and received histograms: only what encode() makes is accepted.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "model/sketch/histogram.h"

using nezu::sketch::Histogram;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  auto h = Histogram::decode(bytes);
  if (!h.ok()) return 0;
  std::string again;
  h->encode(again);
  NEZU_CHECK(again == bytes);
  for (const double q : {0.0, 0.5, 0.99, 1.0}) NEZU_CHECK(h->empty() || h->quantile(q) >= Histogram::middle_of(0));
  Histogram sum = *h;
  sum.merge(*h);
  NEZU_CHECK(sum.counts().size() == h->counts().size());
  return 0;
}
