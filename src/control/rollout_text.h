// A rollout for a person, from the JSON of control/rollout_json.h: what `weir apply` shows while it goes on, and `weir status`.
// At most kColumns wide. Without bars (NO_COLOR, no terminal) it holds the same words and numbers.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace weir::control {

enum class Bars : std::uint8_t { no, yes };

std::string rollout_text(const boost::json::value& rollout, Bars bars);

// One of the stages that have ended, as rollout_text has it.
std::string finished_line(const boost::json::value& stage, const boost::json::value& rollout);

// The last line: what comes, and what there is to do.
std::string rollout_next(const boost::json::value& rollout);

// Of a finished stage: "36,000 requests: 3 differ".
std::string stage_text(const boost::json::value& stage, std::string_view unit);
// "5 %" of 0.05, "0.5 %" of 0.005.
std::string share_text(double share);
// "0.1 s", "48 s", "3m48s", "1h02m".
std::string clock_text(double seconds);
// What is lacking, in words: "8,120 of 20,000 requests".
std::string missing_text(const boost::json::value& missing, std::string_view unit);

}  // namespace weir::control
