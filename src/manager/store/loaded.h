// What Loaded must say after a batch: the part of it that doesn't depend on where things are kept. Pure.
#pragma once

#include "manager/store/store.h"

namespace nezu::store {

// One more record of a logical probe: its span joins recent_spans; instance, epoch and stored_until follow the one that reaches furthest.
void note_record(Loaded::Covered& covered, const window::Record& record);

// Inserts or replaces rows of the catalogue, states and events by id, and keeps the next_… ids beyond all that were ever seen.
// `failovers` and `events` stay in order of id.
void apply_rows(Loaded& loaded, const WriteBatch& batch);

}  // namespace nezu::store
