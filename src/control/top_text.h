// The JSON of `top` as one picture: at most 100 columns, every number a field of the JSON.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

struct TopTextOptions {
  bool clear_lines = false;  // each line clears what was drawn there before (ANSI EL)
  std::size_t rows = 8;      // of each kind
};
std::string top_text(const boost::json::value& top, const TopTextOptions& options);

}  // namespace weir::control
