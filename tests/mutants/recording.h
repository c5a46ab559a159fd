// The same day as a recording that weir itself makes: each request is decided by the real decide
// under the base configuration, and goes through the real encoder and segment writer, in virtual
// time, for a day cannot be waited for. Evidence is what the credentials of the traffic come to, as
// auth/ would have found it; how exchanges end, as flight records of the real sampler, is the
// traffic's as well.
#pragma once

#include <string>

#include "base/result.h"
#include "traffic.h"

namespace mutants {

// The configuration in `file`, recorded into `folder` as a data_dir has it: installation.key and
// segments/.
weir::Result<> write_recording(const std::string& file, const Traffic& traffic,
                               const std::string& folder);
// That `weir check` would let it pass.
bool compiles(const std::string& text, const std::string& folder);

}  // namespace mutants
