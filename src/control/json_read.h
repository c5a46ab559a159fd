// Reading fields of the gateway's own JSON in as few words as writing them took. A missing or
// differently typed field throws, as Boost.JSON does; who reads JSON of somebody else checks first
// (apply_body.h).
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/diagnostic.h"

namespace weir::control {

inline std::uint64_t count_at(const boost::json::value& in, std::string_view key) {
  return in.at(key).to_number<std::uint64_t>();
}
inline double number_at(const boost::json::value& in, std::string_view key) {
  return in.at(key).to_number<double>();
}
inline bool yes_at(const boost::json::value& in, std::string_view key) {
  return in.at(key).as_bool();
}
// Made printable; "" for null.
inline std::string text_at(const boost::json::value& in, std::string_view key) {
  const boost::json::value& value = in.at(key);
  return value.is_null() ? "" : config::printable(std::string_view(value.as_string()));
}

}  // namespace weir::control
