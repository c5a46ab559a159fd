// Announced deploys in and out: the question of POST /api/v1/changes, and what GET and the answer show.
//   in    {"subject": "orders", "version": "v42", "watch": "1h" where it is another, "author", "reason"}
//   out   {"id", "subject", "version", "author", "reason", "began_at", "watch_s", "left_s", "answer": "under way" | "healthy" | "harmed" |
//          "not enough data", "exit_code": null | 0 | 3 | 4, "kept": false where the store does not have it (yet),
//          "split": "v41 95, v42 5" | "", "returned": "o3" | "": the override that gave its requests back,
//          "as": [{"role": "upstream" | "caller" | "split", "answer", "lack": "none" | "past" | "watch" | "silent" | "undecided" | "replaced",
//                  "before", "after": {"seconds", "requests", "rate", "bad_share", "p90_ms": null where nothing tells},
//                  "harms": [{"signal": "bad" | "latency" | "rate", "usual", "highest", "now", "began_at", "lasted_s"}],
//                  "arms": null | {"answer", "harm": "bad" | "slow" | "", "stable", "candidate": as before,
//                                  "guards": [{"guard": "bad" | "slow", "stable", "candidate": shares of 1, "evidence"}], "harms_at"}}]}
// Shares are of 1, rates a second. Bounds: 100 bytes of subject, version and author, 500 of reason; a watch of 5 s to a day.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "control/deploy_feed.h"
#include "store/deploys.h"

namespace weir::control {

Result<Announcement> read_announcement(std::string_view body);

std::string deploy_json(const AnnouncedDeploy& deploy, WallTime now);
// {"changes": [the newest first]}: those of this process as they stand, others as they were written. And a list of those under way alone.
std::string deploys_json(const DeployFeed& feed, const std::vector<store::DeployRow>& rows, std::size_t most, WallTime now);
std::string deploys_under_way_json(const DeployFeed& feed, WallTime now);

}  // namespace weir::control
