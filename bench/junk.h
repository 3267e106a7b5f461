// Frames that are no transactions: floods of SYNs, UDP, garbage in TCP, half heads, damaged IP, TLS, other protocols.
#pragma once

#include <string>

#include "dice.h"

namespace nezu::bench {
std::string junk_frame(Dice& dice);
}  // namespace nezu::bench
