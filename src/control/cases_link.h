// A file of cases asked of a policy: names become ids, and a name that the policy does not have is
// a mistake in the file, with its place and the nearest name, not a case that fails.
#pragma once

#include <vector>

#include "config/cases_spec.h"
#include "config/diagnostic.h"
#include "model/names.h"
#include "model/policy.h"
#include "replay/cases.h"

namespace weir::control {

// In the order of the file. They mean something only where `diagnostics` has no errors.
std::vector<replay::Case> link_cases(const config::CasesSpec& spec, const Policy& policy,
                                     const NameTable& names, config::Diagnostics& diagnostics);

}  // namespace weir::control
