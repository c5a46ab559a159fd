// How the lines of one format are read: by layouts (text), by names (JSON), by columns (CSV), or by
// more than one of them, as streams mix (Envoy Gateway writes JSON and text). The makers are one
// file a format; foreign/format.h is the door.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "foreign/draft.h"
#include "foreign/field_map.h"
#include "foreign/format.h"
#include "foreign/json_lines.h"
#include "foreign/layout.h"

namespace weir::foreign {

// A column by its name in the first line, or by its number from 1.
struct CsvColumn {
  std::string name;  // empty: by number
  std::uint16_t number = 0;
  Slot slot = Slot::none;
  std::uint8_t rank = 1;
  std::uint32_t maps = 0;
};
struct CsvTable {
  static constexpr std::size_t kMaxColumns = 256;
  char delimiter = ',';
  bool has_header = false;  // a column is named: the first line tells where it is
  bool time_is_end = false;
  std::vector<CsvColumn> columns;
};

struct Recipe {
  std::string name;
  FieldMaps maps;
  Nanos zone{0};
  bool utc = false;               // so are its times by its documentation, which write none
  std::vector<Layout> layouts;    // the first that fits; the last that fitted is tried first
  std::optional<JsonTable> json;  // for lines that begin with {
  std::optional<CsvTable> csv;
  bool requests_end_quoted = false;  // HAProxy: other lines of the stream do not
};

using MakeRecipe = Result<Recipe> (*)(std::string_view text, const FormatOptions& options);

// `text`: what stands behind the colon; empty where the format needs none.
Result<Recipe> recipe_nginx(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_nginx_json(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_nginx_proxy_manager(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_apache(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_caddy(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_traefik(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_traefik_json(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_envoy(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_istio(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_envoy_gateway(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_haproxy(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_alb(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_elb(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_cloudfront(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_csv(std::string_view text, const FormatOptions& options);
Result<Recipe> recipe_tsv(std::string_view text, const FormatOptions& options);

// Common and combined, with a virtual host before them or more fields behind them (foreign/clf.cc).
Result<Layout> clf_layout(const FormatOptions& options, Escape escape, bool time_is_end);

// A recipe of these layouts. An Error where one could not be built, or where a --field names a
// field that none has; `named`: the bits of those that are.
Result<Recipe> recipe_of(std::string name, const FormatOptions& options,
                         std::vector<Result<Layout>> layouts);

}  // namespace weir::foreign
