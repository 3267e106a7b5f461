// A query's points as a table and as CSV. Pure. What wasn't covered has no figures: "–" or an empty field, never 0.
#pragma once

#include <string>

#include "common/json/json.h"
#include "nezuctl/format.h"
#include "nezuctl/table.h"

namespace nezuctl {

struct PointsOptions {
  bool wide = false;  // more columns
  bool colour = false;
  int columns = 0;  // of the terminal; 0: no limit
};

// `answer`: of GET /query, with "points" and "totals".
std::string points_table(const nezu::json::Value& answer, const Zone& zone, const PointsOptions& options);

// With a header; times in RFC 3339 UTC, durations in seconds, whatever the zone.
std::string points_csv(const nezu::json::Value& points);

// Whether a point has figures: something of it was covered.
bool has_figures(const nezu::json::Value& point);

}  // namespace nezuctl
