// The question and the answer of `apply`: a configuration's texts in, what became of them out.
//   in    {"files": [{"name": "gateway.yaml", "text": "…"}], "directory": "/etc/weir", "reason":
//   "why"} out   {"live", "busy", "revision", "hash", "reason", "at", "errors", "warnings",
//   "error", "notes": [], "report": the
//         text of `check`, "diagnostics": [as `check -o json` has them]}
// Bounds: 1,000 files; their size is bounded by the request's body and by config/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/compile.h"

namespace weir::control {

struct Applied;

struct ApplyQuestion {
  config::Input input;
  std::string reason;
};
Result<ApplyQuestion> read_apply(std::string_view body);

std::string applied_json(const Applied& applied);

}  // namespace weir::control
