// `weir history` and `weir show r42` for a person, from the JSON of control/history.h.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

std::string history_text(const boost::json::value& history);
std::string revision_text(const boost::json::value& revision);
// The stages and the review alone, as Markdown.
std::string revision_markdown(const boost::json::value& revision);

}  // namespace weir::control
