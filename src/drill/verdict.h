// Whether what was expected of a window has come. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "drill/scenario_spec.h"
#include "drill/tally.h"

namespace weir::drill {

// One thing that was expected, and what came: "p99 ..300ms", "412 ms".
struct Judged {
  std::string expected, came;
  config::Span at;
  bool met = false;
};

// Every key of `expect`, over the summary of its window. A window without requests meets nothing
// but `requests`: nothing was shown.
std::vector<Judged> judge(const ExpectSpec& expect, const Summary& summary);

}  // namespace weir::drill
