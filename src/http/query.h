// Names and values of a query as everybody reads them: split at '&' and at the first '=', compared
// as they stand. Nothing is decoded, so that no two parts of the gateway can read one query in two
// ways.
#pragma once

#include <optional>
#include <string_view>

namespace weir::http {

// Of the first pair with this name; "" where it stands without '='.
inline std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace weir::http
