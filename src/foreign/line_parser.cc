#include "foreign/line_parser.h"

#include <algorithm>
#include <utility>

namespace weir::foreign {
namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

bool digit(char c) { return c >= '0' && c <= '9'; }

// 2021/12/02 11:53:15 [error] …
bool is_nginx_error(std::string_view line) {
  return line.size() > 22 && digit(line[0]) && line[4] == '/' && line[7] == '/' &&
         line[10] == ' ' && line[13] == ':' && line.substr(19, 2) == " [";
}

// [Thu Oct 13 12:24:49.880562 2022] [auth_basic:error] …
bool is_apache_error(std::string_view line) {
  return line.size() > 32 && line[0] == '[' && line[4] == ' ' && line[8] == ' ' &&
         line[14] == ':' && line.substr(0, 48).find("] [") != std::string_view::npos;
}

}  // namespace

LineParser::LineParser(std::shared_ptr<const Recipe> recipe)
    : recipe_(std::move(recipe)), draft_(recipe_->maps, recipe_->zone) {
  if (recipe_->json) json_.emplace();
  if (recipe_->csv) row_ = std::make_unique<CsvRow>();
}

std::optional<Skip> LineParser::parse(std::string_view line, LogEntry& entry) {
  if (std::ranges::all_of(line, [](char c) { return c == ' ' || c == '\t'; })) return Skip::blank;
  const Carried inner = carried(line);
  if (inner.partial) return Skip::partial;
  std::optional<Skip> result = attempt(inner.line, entry);
  // What looked like a carrier may belong to the format itself.
  if (result && inner.carrier != Carrier::none) {
    if (const auto whole = attempt(line, entry); !whole || result == Skip::malformed) result = whole;
  }
  if (result == Skip::malformed && is_other(inner)) return Skip::other;
  return result;
}

std::optional<Skip> LineParser::attempt(std::string_view line, LogEntry& entry) {
  if (recipe_->csv) return by_csv(line, entry);
  if (recipe_->json && line.starts_with('{')) return by_json(line, entry);
  return by_layouts(line, entry);
}

std::optional<Skip> LineParser::by_layouts(std::string_view line, LogEntry& entry) {
  const std::size_t count = recipe_->layouts.size();
  std::optional<Skip> result = Skip::malformed;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = i == 0 ? layout_ : i <= layout_ ? i - 1 : i;
    const Layout& layout = recipe_->layouts[index];
    draft_.begin(entry, layout.time_is_end);
    if (!layout.match(line, draft_)) continue;
    result = draft_.finish();
    if (!result) {
      layout_ = index;
      return result;
    }
  }
  return result;
}

std::optional<Skip> LineParser::by_json(std::string_view line, LogEntry& entry) {
  draft_.begin(entry, recipe_->json->time_is_end);
  if (!json_->read(line, *recipe_->json, draft_)) return Skip::json;
  const auto result = draft_.finish();
  // A record of something else has neither.
  if (result && entry.client.empty() && entry.target.empty() && entry.form == RequestForm::unknown)
    return Skip::other;
  return result;
}

bool LineParser::resolve(const CsvTable& table) {
  csv_places_.assign(table.columns.size(), kNowhere);
  bool all = true;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const CsvColumn& column = table.columns[i];
    if (column.name.empty()) {
      csv_places_[i] = column.number - 1u;
      continue;
    }
    for (std::size_t c = 0; c < row_->count; ++c) {
      if (row_->cells[c].text == column.name) csv_places_[i] = c;
    }
    all = all && csv_places_[i] != kNowhere;
  }
  return all;
}

std::optional<Skip> LineParser::by_csv(std::string_view line, LogEntry& entry) {
  const CsvTable& table = *recipe_->csv;
  if (!split_csv(line, table.delimiter, *row_)) return Skip::malformed;
  if (csv_places_.empty()) {
    const bool found = resolve(table);
    if (table.has_header) {
      if (!found) csv_places_.clear();
      return found ? Skip::other : Skip::malformed;
    }
  }
  draft_.begin(entry, table.time_is_end);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (csv_places_[i] >= row_->count) continue;
    const CsvCell& cell = row_->cells[csv_places_[i]];
    const CsvColumn& column = table.columns[i];
    const Escape escape = cell.quoted ? Escape::doubled : Escape::none;
    if (column.maps != 0) draft_.map(column.maps, cell.text, escape);
    draft_.set(column.slot, cell.text, escape, column.rank);
  }
  const auto result = draft_.finish();
  return result == Skip::time && row_->count == 1 ? Skip::malformed : result;
}

bool LineParser::is_other(const Carried& inner) const {
  const std::string_view line = inner.line;
  if (line.starts_with('#') || is_nginx_error(line) || is_apache_error(line)) return true;
  const bool printable = std::all_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\t';
  });
  if (!printable) return false;
  // HAProxy's own messages and connection errors come by syslog or have a client and a time, but no
  // request at their end.
  if (recipe_->requests_end_quoted)
    return !line.ends_with('"') &&
           (inner.carrier == Carrier::syslog || line.find("] ") != std::string_view::npos);
  return recipe_->json && recipe_->layouts.empty() && !line.starts_with('{');
}

}  // namespace weir::foreign
