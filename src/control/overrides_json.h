// Overrides in the admin API:
//   POST    {"what": "block net 10.0.0.0/8", "for": "1h", "reason", "author", "person": true: from
//   a terminal, "yes": true: knowing
//           whom it hurts}. What may stand in "what": config/override_text.h. "for" left out: 1h
//   answers {"done", "busy", "harms", "error", "override": {…} or null, "rehearsal": {…} or null}
//   GET     {"revision", "overrides": [those in force, the older first], "ended": [those that
//   ended, the newest first]} DELETE  {"author", "reason"}; answers as POST
// A person is believed over the admin socket alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "control/overrides.h"

namespace weir::control {

Result<OverrideQuestion> read_override_question(std::string_view body, bool local);

struct EndQuestion {
  std::string author, reason;
};
Result<EndQuestion> read_end_question(std::string_view body);

void write_in_force(JsonWriter& json, const OverrideInForce& one, Stamp now);
// `key`: [those in force].
void write_in_force(JsonWriter& json, std::string_view key, const std::vector<OverrideInForce>& all,
                    Stamp now);

std::string overridden_json(const Overridden& answer, Stamp now);
// `rows`: of all, from which those that ended are told, `most` of them.
std::string overrides_json(std::uint32_t revision, const std::vector<OverrideInForce>& in_force,
                           const std::vector<store::OverrideRow>& rows, std::size_t most,
                           Stamp now);

}  // namespace weir::control
