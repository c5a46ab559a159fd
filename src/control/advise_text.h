// What a review of a configuration found, for people (at most 100 columns), programs, a pull
// request and a code host; all print the numbers of the same answer. Bytes that clients sent are
// made printable here.
#pragma once

#include <string>
#include <string_view>

#include "control/advise_run.h"

namespace weir::control {

// `next`: the command to try, which the command line knows.
std::string advise_text(const AdviseAnswer& answer, std::string_view next);
std::string advise_json(const AdviseAnswer& answer);
std::string advise_markdown(const AdviseAnswer& answer);
std::string advise_sarif(const AdviseAnswer& answer, std::string_view version);

// "limit per-caller", "route old", "limit per-caller, expect"; printable.
std::string subject_text(const replay::Subject& subject);
// One sentence of a finding, without its subject; printable.
std::string finding_text(const replay::Finding& finding);
// "limits.a.rate=5/s limits.a.burst=10, without routes.old"; printable.
std::string proposal_text(const Proposal& proposal);
// "plan: harmless, 0 of 1,200 requests newly refused"
std::string judged_text(const Proposal& proposal);
// "2 findings: 1 hurts callers today, 1 will soon"
std::string counts_text(const AdviseAnswer& answer);

}  // namespace weir::control
