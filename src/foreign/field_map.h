// `--field` of the command line: which field of a log stands for a fact that a policy asks for.
//   identity:partner=api_key_id   field api_key_id holds the subject that identity rule `partner`
//                                 verified
//   header:X-Tenant=tenant        field tenant holds the request header X-Tenant
//   query:region=region           field region holds the query parameter
//   client=http_x_real_ip         the client is there; of a list "a, b" the first
// A field is named as the log names it: an nginx variable without $, an Apache directive
// (%{X-Tenant}i), a JSON key (dots lead into objects: request.headers.X-Tenant), a CSV column. At
// most kMaxFieldMaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::foreign {

inline constexpr std::size_t kMaxFieldMaps = 16;

enum class FactKind : std::uint8_t { client, identity, header, query };

struct FieldMap {
  FactKind kind = FactKind::client;
  std::string name;   // of the rule, header or parameter; empty for client
  std::string field;  // of the log
};
using FieldMaps = std::vector<FieldMap>;

Result<FieldMap> parse_field_map(std::string_view text);

}  // namespace weir::foreign
