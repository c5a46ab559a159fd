// `weir check` beside what really happened: the newest part of the recording in a data_dir tells how long auth services took
// lately, and a timeout that leaves them no room is a warning like those about the text (replay/auth_timeout.h). Looked at are
// the newest kMostCheckedBytes of the recording and what arrived within kCheckedLately before its last exchange: some tenths of a second.
#pragma once

#include <cstddef>
#include <string>

#include "base/time.h"
#include "config/compile.h"
#include "model/names.h"

namespace weir::control {

inline constexpr std::size_t kMostCheckedBytes = std::size_t{16} << 20;
inline constexpr Nanos kCheckedLately = std::chrono::hours(6);

// Adds to the diagnostics of `outcome`, which has a policy. What could not be looked at is told: a line, printable; "": nothing
// to tell, also where there is no recording.
std::string check_recording(const std::string& data_dir, const NameTable& names, config::Outcome& outcome);

}  // namespace weir::control
