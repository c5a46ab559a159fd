#include "foreign/field_map.h"

#include <utility>

#include "fmt/core.h"

namespace weir::foreign {

Result<FieldMap> parse_field_map(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::invalid,
                fmt::format("--field {}: {} (want identity:RULE=FIELD, header:NAME=FIELD, "
                            "query:NAME=FIELD or client=FIELD)",
                            text, why),
                Origin::config);
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return wrong("no = in it");
  FieldMap map{.field = std::string(text.substr(equals + 1))};
  if (map.field.starts_with('$')) map.field.erase(0, 1);  // as people copy it from nginx.conf
  if (map.field.empty()) return wrong("no field of the log is named");
  const std::string_view fact = text.substr(0, equals);
  if (fact == "client") return map;
  const std::size_t colon = fact.find(':');
  const std::string_view kind = fact.substr(0, colon);
  map.name = colon == std::string_view::npos ? "" : fact.substr(colon + 1);
  if (kind == "identity") {
    map.kind = FactKind::identity;
  } else if (kind == "header") {
    map.kind = FactKind::header;
  } else if (kind == "query") {
    map.kind = FactKind::query;
  } else {
    return wrong(fmt::format("\"{}\" is no fact", kind));
  }
  if (map.name.empty()) return wrong(fmt::format("which {}?", kind));
  return map;
}

}  // namespace weir::foreign
