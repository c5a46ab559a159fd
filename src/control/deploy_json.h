// Announced deploys in and out: the question of POST /api/v1/changes, and what GET and the answer show.
//   in    {"subject": "orders", "version": "v42", "watch": "1h" where it is another, "author", "reason"}
//   out   {"id", "subject", "version", "author", "reason", "began_at", "watch_s", "left_s", "answer": "under way" | "healthy" | "harmed" |
//          "not enough data", "exit_code": null | 0 | 3 | 4,
//          "as": [{"role": "upstream" | "caller", "answer", "lack": "none" | "past" | "watch" | "silent" | "undecided",
//                  "before", "after": {"seconds", "requests", "rate", "bad_share", "p90_ms": null where nothing tells},
//                  "harms": [{"signal": "bad" | "latency" | "rate", "usual", "highest", "now", "began_at", "lasted_s"}]}]}
// Shares are of 1, rates a second. Bounds: 100 bytes of subject, version and author, 500 of reason; a watch of 5 s to a day.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "control/deploy_feed.h"

namespace weir::control {

Result<Announcement> read_announcement(std::string_view body);

std::string deploy_json(const AnnouncedDeploy& deploy, WallTime now);
// {"changes": [the newest first]}; and a list of those under way alone.
std::string deploys_json(const DeployFeed& feed, WallTime now);
std::string deploys_under_way_json(const DeployFeed& feed, WallTime now);

}  // namespace weir::control
