// What the monitor's rules are set to; and, for tests only, which of them is broken on purpose.
#pragma once

#include "common/base/time.h"

namespace nezu::monitor {

// Bugs planted by the tests, to see that the tests find them. All false in the product; nothing but tests sets one.
struct PlantedBugs {
  bool always_admit = false;             // every claim is admitted at once
  bool waiting_starves = false;          // a waiting claim is never admitted after silence
  bool wish_lost = false;                // wishes are lost in the manager's failover
  bool disc_resumed = false;             // discovery goes on in the new instance
  bool epoch_volatile = false;           // the epoch is lost in the manager's failover
  bool notice_again = false;             // the last failover's notice is given again after the manager's failover
  bool not_told = false;                 // a superseded instance isn't told
  bool old_claim_is_fresh = false;       // a waiting claim is admitted at once when the active's connection blinks
  bool announcement_ends_grace = false;  // a standby's announcement, not only a claim, ends the grace
  bool timeout_keeps_wish = false;       // a transition that times out leaves the wish on
  bool old_grant_repeated = false;       // demoted and promoted again unheard: the old grant is repeated
  bool any_report_confirms = false;      // wishes aren't numbered
  bool superseded_unheard = false;       // that one says it was superseded is passed over, once it has stepped down
  bool superseded_again = false;         // that it was told is forgotten
  bool last_ledger_only = false;         // of the ledgers only that of the record received last is kept
};

// Of discoveries (discovery_book.h).
struct DiscoveryLimits {
  std::size_t entries = 10'000;                   // of a job
  std::size_t bytes = 4 << 20;                    // of a job's hosts, paths and methods
  std::size_t kept = 100;                         // stopped jobs, the newest
  Nanos retention = std::chrono::hours(24 * 90);  // of stopped jobs
};

struct Options {
  Nanos reconnect_grace = std::chrono::seconds(3);
  Nanos claim_patience = std::chrono::seconds(1);
  Nanos transition_timeout = std::chrono::seconds(60);
  Nanos session_timeout = std::chrono::seconds(1);
  Nanos ledger_reach = std::chrono::seconds(10);
  std::size_t names_per_message = 100'000;                    // of all ledgers: some 2 MB, so that beats come between on a slow line, too
  Nanos clock_offset_limit = std::chrono::milliseconds(500);  // beyond it an event says that clocks are apart
  double mirror_limit = 0.01;                                 // beyond this share an event says that mirror ports differ
  std::size_t max_probes = 64;                                // logical probes
  std::size_t max_sessions = 256;
  DiscoveryLimits discovery;
  PlantedBugs bugs;
};

// The two clocks at one instant. Deadlines are counted by `mono`; `wall` is for people.
struct Now {
  MonoTime mono{};
  WallTime wall{};
};

}  // namespace nezu::monitor
