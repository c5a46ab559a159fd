// The caller directory as JSON, the same from a running gateway (api/v1/callers) and from its
// data_dir: one caller, and a list of them. Times are RFC 3339 UTC; what never was is null.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "store/caller_directory.h"

namespace weir::control {

// Refused in the last kLately is refused now, in what is said about a caller.
inline constexpr Nanos kLately = std::chrono::minutes(10);
inline constexpr std::size_t kMostListed = 10'000;

struct CallersQuestion {
  store::CallerDirectory::Order order = store::CallerDirectory::Order::refused;
  std::size_t most = 20;
};
// From a query: by=refused|requests|last_seen, limit=N (1 to kMostListed).
Result<CallersQuestion> callers_question(std::string_view query);

Result<std::string> callers_json(store::CallerDirectory& directory, const CallersQuestion& question,
                                 WallTime now);

// {"callers": [...]}: a credential and an address may have one name. None: not_found.
Result<std::string> caller_json(store::CallerDirectory& directory, std::string_view name,
                                WallTime now);

}  // namespace weir::control
