// TransactionSink: takes what was decided.
#pragma once

#include "probe/transaction/transaction.h"

namespace nezu::probe {

// Called in the thread of the pipeline that hands over; the views in the transaction live only during the call.
class TransactionSink {
 public:
  virtual ~TransactionSink() = default;
  // A request with or without its response, or (Completeness::no_request) a response whose request was not seen: the latter is no
  // transaction, and belongs in no figure.
  virtual void transaction(const Transaction& transaction) = 0;
};

}  // namespace nezu::probe
