// A revision plus overrides is a policy. Pure, so that a plan, a rehearsal and a replay decide
// under it too.
//
//   in    a policy as configured, overrides, the older first: each is laid over what those before
//   it made out   the policy that holds, and which of them are idle: what they name is not there.
//   An idle one does nothing and
//         stays; over another revision it may fit again
//
// A limit whose rate is scaled starts anew, as one does that is configured so; when the override
// ends its old buckets go on. A cap is a limit of its own (Limit::cause, Restraint::cap) by the
// override's name. Names are interned: where policies are compiled.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/names.h"
#include "model/override.h"
#include "model/policy.h"

namespace weir::config {

struct IdleOverride {
  std::uint32_t number = 0;
  std::string why;  // "there is no limit per-caler; did you mean per-caller?"
};

struct Laid {
  std::shared_ptr<const Policy> policy;  // the configured one itself where nothing is laid over it
  std::vector<IdleOverride> idle;
  const std::string* why_idle(std::uint32_t number) const;  // null: it is in force
};

Laid lay_over(std::shared_ptr<const Policy> configured, std::span<const Override> overrides,
              NameTable& names);

}  // namespace weir::config
