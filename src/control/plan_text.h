// What a plan found, for people (at most 100 columns), for programs (docs/design/010-plan.md), for
// a pull request and for a code host. Each prints the numbers of the same report, so that what is
// printed equals the JSON field. Bytes that clients sent are made printable here.
#pragma once

#include <string>
#include <string_view>

#include "control/plan_run.h"

namespace weir::control {

struct PlanTextOptions {
  bool all_callers = false;  // else the two who are hurt most
  bool sparkline = true;
};

// The line "exit N: …" and the command to try next are `next`: the command line knows its own
// words.
std::string plan_text(const PlanAnswer& answer, const PlanTextOptions& options,
                      std::string_view next);
std::string plan_json(const PlanAnswer& answer);
std::string plan_markdown(const PlanAnswer& answer);
std::string plan_sarif(const PlanAnswer& answer, std::string_view version);

// harmless 0, harm 3, not enough data 4
int plan_exit_code(replay::PlanVerdict verdict);

// "306 requests of a log, 2022-01-24 16:00 – 16:06 UTC"
std::string input_text(const PlanAnswer& answer);
// "rate 45/s burst 120"
std::string nearest_text(const replay::NearestSafe& nearest);
// "45/s burst=120", as --limit takes it; "rate=45/s" or "burst=120", as --set takes what changed.
std::string limit_words(const replay::NearestSafe& nearest);
std::string changed_value(const replay::PlanReport::LimitPart& limit);

}  // namespace weir::control
