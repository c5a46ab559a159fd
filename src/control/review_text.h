// The review of a change, written when its watch has ended or it was taken back: what changed, what plan said, what was seen, who was
// hurt, what stayed unproven. From the JSON of control/rollout_json.h as it was at the end, which is kept with the revision as its
// step "review".
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

namespace weir::control {

enum class Form : std::uint8_t { plain, markdown };

std::string review_text(const boost::json::value& rollout, Form form);

}  // namespace weir::control
