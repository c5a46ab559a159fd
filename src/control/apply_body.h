// The question and the answer of `apply`: a configuration's texts in, what became of them out.
//   in    {"files": [{"name": "gateway.yaml", "text": "…"}], "directory": "/etc/weir", "author", "reason": "why",
//          "base": "r42", where it is for that one alone, "retry": true, where it was taken back before,
//          "person": true, which only the socket is believed, "now", "fast", "protect": true, "confirm_within": "10m"}
//   out   {"live", "busy", "stale", "taken_back", "under_way": "r43" or "", "rollout": control/rollout_json.h or null, "revision", "hash", "author", "reason", "at", "errors", "warnings", "error",
//          "notes": [], "report": the text of `check`, "diagnostics": [as `check -o json` has them]}
// `rollback` is asked {"to": "r42" or left out, "author", "reason"} and answers the same.
// Bounds: 1,000 files; their size is bounded by the request's body and by config/; 500 bytes of reason, 100 of author.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/history.h"

namespace weir::control {

struct Applied;

Result<Change> read_apply(std::string_view body);

struct RollbackQuestion {
  std::uint32_t to = 0;   // 0: what was live before
  std::string author, reason;
  bool person = false;
};
Result<RollbackQuestion> read_rollback(std::string_view body);

// "r42"; 0 where it is no such thing.
std::uint32_t read_revision(std::string_view text);

std::string applied_json(const Applied& applied, std::string_view rollout = "null");

}  // namespace weir::control
