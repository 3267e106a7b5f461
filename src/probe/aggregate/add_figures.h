// One transaction into the figures of one target: what counts as a transaction, an error, a time (docs/architecture.md, "Figures").
#pragma once

#include "model/window/figures.h"
#include "probe/transaction/transaction.h"

namespace nezu::probe::aggregate {

// `is_error`: whether the service counts the transaction's status as an error. False where a time was negative (a clock that was set): the
// transaction is counted, its times are not.
// REQUIRES: not Completeness::no_request
bool add_figures(const Transaction& transaction, bool is_error, window::Figures& figures);

// As new, but histograms keep their memory.
void clear_figures(window::Figures& figures);

}  // namespace nezu::probe::aggregate
