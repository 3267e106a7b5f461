// The conditions of a web transaction, tried on one request; and the parts of a request that they ask for, parsed once, when first needed.
#pragma once

#include <string_view>

#include "model/definition/service.h"
#include "probe/match/matcher.h"

namespace nezu::probe::match {

// The request target up to "?" or "#".
std::string_view path_of(std::string_view uri);
// Between "?" and "#"; empty where there is none.
std::string_view query_of(std::string_view uri);
// Lower case, without a trailing dot, into `out`.
void normalise_host(std::string_view host, std::string& out);
// REQUIRES: both are in lower case. `pattern`: a host, or "*.x".
bool host_matches(std::string_view pattern, std::string_view host);
bool path_matches(const definition::PathCondition& condition, std::string_view path);

void forget_request(Scratch& scratch);
void need_query(const Transaction& transaction, Scratch& scratch);
void need_headers(const Transaction& transaction, Scratch& scratch);  // and cookies

bool transaction_matches(const definition::WebTransaction& wanted, const Transaction& transaction, std::string_view path, Scratch& scratch);

}  // namespace nezu::probe::match
