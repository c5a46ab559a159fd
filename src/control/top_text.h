// The JSON of `top` as one picture: at most 100 columns, every number a field of the JSON.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>

namespace weir::control {

std::string top_text(const boost::json::value& top, std::size_t rows = 8);  // rows: of each kind

}  // namespace weir::control
