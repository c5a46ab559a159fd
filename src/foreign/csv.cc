// csv:MAP and tsv:MAP. MAP is a list FACT=COLUMN,…; a column is its name in the first line, or #N,
// counted from 1.
//   csv:client=ip,time=date+time,status=code,path=#7
// Facts: time (start of the request) or end, in any notation of foreign/times.h, as one column or
// DAY+CLOCK; client, user, request, method, target, path, query, protocol, host, status, bytes,
// bytes_in, duration (s), duration_ms, duration_us, upstream_time (s), upstream_time_ms, upstream,
// route, referer, agent, id, forwarded_for. A fact named twice: the first that is not empty.
// Delimiter: sep=; in front of the others, for one that is neither comma nor tab.
#include "foreign/csv.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "fmt/core.h"
#include "foreign/values.h"

namespace weir::foreign {
namespace {

constexpr std::array kFacts = {
    KnownField{"time", Slot::time_any},
    KnownField{"end", Slot::time_any},
    KnownField{"client", Slot::client_list},
    KnownField{"user", Slot::user},
    KnownField{"request", Slot::request},
    KnownField{"method", Slot::method},
    KnownField{"target", Slot::target},
    KnownField{"path", Slot::path},
    KnownField{"query", Slot::query},
    KnownField{"protocol", Slot::protocol},
    KnownField{"host", Slot::host},
    KnownField{"status", Slot::status},
    KnownField{"bytes", Slot::bytes_out},
    KnownField{"bytes_in", Slot::bytes_in},
    KnownField{"duration", Slot::duration_s},
    KnownField{"duration_ms", Slot::duration_ms},
    KnownField{"duration_us", Slot::duration_us},
    KnownField{"upstream_time", Slot::upstream_s},
    KnownField{"upstream_time_ms", Slot::upstream_ms},
    KnownField{"upstream", Slot::upstream},
    KnownField{"route", Slot::route},
    KnownField{"referer", Slot::referer},
    KnownField{"agent", Slot::agent},
    KnownField{"id", Slot::request_id},
    KnownField{"forwarded_for", Slot::forwarded_for},
};

Result<CsvColumn> column(std::string_view name) {
  CsvColumn result;
  if (!name.starts_with('#')) {
    result.name = name;
    if (name.empty()) return fail(ErrorKind::invalid, "a fact without a column", Origin::config);
    return result;
  }
  const auto number = read_count(name.substr(1));
  if (!number || *number < 1 || *number > CsvTable::kMaxColumns) {
    return fail(ErrorKind::invalid,
                fmt::format("{} is no column (#1 to #{})", name, CsvTable::kMaxColumns),
                Origin::config);
  }
  result.number = static_cast<std::uint16_t>(*number);
  return result;
}

Result<> add(CsvTable& table, std::string_view fact, std::string_view columns) {
  const auto* const known = std::find_if(kFacts.begin(), kFacts.end(),
                                         [&](const KnownField& f) { return f.name == fact; });
  if (known == kFacts.end())
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is no fact of a request", fact),
                Origin::config);
  if (fact == "end") table.time_is_end = true;
  const bool is_time = known->slot == Slot::time_any;
  const std::size_t plus = is_time ? columns.find('+') : std::string_view::npos;
  const auto put = [&](std::string_view name, Slot slot) -> Result<> {
    auto made = column(name);
    if (!made) return std::unexpected(made.error());
    made->slot = slot;
    table.columns.push_back(*std::move(made));
    return {};
  };
  if (plus == std::string_view::npos) return put(columns, known->slot);
  if (auto day = put(columns.substr(0, plus), Slot::date); !day) return day;
  return put(columns.substr(plus + 1), Slot::clock);
}

Result<Recipe> recipe_of_map(std::string_view map, char delimiter, const FormatOptions& options) {
  Recipe recipe{
      .name = delimiter == '\t' ? "TSV" : "CSV", .maps = options.fields, .zone = options.zone};
  CsvTable table{.delimiter = delimiter};
  if (map.starts_with("sep=") && map.size() > 4) {
    table.delimiter = map[4];
    map.remove_prefix(std::min<std::size_t>(map.size(), 6));
  }
  const auto wrong = [&](std::string why) {
    return fail(
        ErrorKind::invalid,
        fmt::format("{}: {} (want csv:client=ip,time=date+time,status=#8)", recipe.name, why),
        Origin::config);
  };
  while (!map.empty()) {
    const std::size_t comma = std::min(map.find(','), map.size());
    const std::string_view part = map.substr(0, comma);
    map.remove_prefix(std::min(map.size(), comma + 1));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return wrong(fmt::format("\"{}\" has no =", part));
    if (auto added = add(table, part.substr(0, equals), part.substr(equals + 1)); !added)
      return wrong(added.error().context);
  }
  const auto has = [&](auto... slots) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [&](const CsvColumn& c) { return ((c.slot == slots) || ...); });
  };
  const bool mapped_client =
      std::any_of(options.fields.begin(), options.fields.end(),
                  [](const FieldMap& m) { return m.kind == FactKind::client; });
  if (!has(Slot::time_any, Slot::date)) return wrong("no column holds the time");
  if (!has(Slot::client_list) && !mapped_client) return wrong("no column holds the client");
  for (std::size_t i = 0; i < options.fields.size(); ++i) {
    auto made = column(options.fields[i].field);
    if (!made) return wrong(made.error().context);
    made->maps = 1u << i;
    table.columns.push_back(*std::move(made));
  }
  // Earlier ones win.
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    table.columns[i].rank = static_cast<std::uint8_t>(std::max<int>(1, 7 - static_cast<int>(i)));
  for (CsvColumn& c : table.columns) table.has_header = table.has_header || !c.name.empty();
  recipe.csv = std::move(table);
  return recipe;
}

}  // namespace

Result<Recipe> recipe_csv(std::string_view text, const FormatOptions& options) {
  return recipe_of_map(text, ',', options);
}
Result<Recipe> recipe_tsv(std::string_view text, const FormatOptions& options) {
  return recipe_of_map(text, '\t', options);
}

bool split_csv(std::string_view line, char delimiter, CsvRow& row) {
  row.count = 0;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (row.count < row.cells.size()) {
    CsvCell& cell = row.cells[row.count++];
    cell.quoted = at != end && *at == '"';
    const char* stop = cell.quoted ? ++at : at;
    if (cell.quoted) {
      for (;; stop += 2) {
        stop = std::find(stop, end, '"');
        if (stop == end) return false;
        if (end - stop < 2 || stop[1] != '"') break;
      }
    } else {
      stop = std::find(at, end, delimiter);
    }
    cell.text = {at, static_cast<std::size_t>(stop - at)};
    at = cell.quoted ? stop + 1 : stop;
    if (at == end) return true;
    if (*at != delimiter) return false;
    ++at;
  }
  return true;
}

}  // namespace weir::foreign
