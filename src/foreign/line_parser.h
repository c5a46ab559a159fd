// One line, without its end, to an entry or to the reason why it is none. The layout that fitted
// the last line is tried first, so a log of one kind costs one attempt a line.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "foreign/carrier.h"
#include "foreign/csv.h"
#include "foreign/draft.h"
#include "foreign/json_lines.h"
#include "foreign/recipe.h"

namespace weir::foreign {

class LineParser {
 public:
  explicit LineParser(std::shared_ptr<const Recipe> recipe);

  // At most kMaxLine bytes. Nothing: `entry` is that of this line.
  std::optional<Skip> parse(std::string_view line, LogEntry& entry);
  // Whether times came without a zone, and nothing else tells it.
  bool zoneless() const { return draft_.zoneless() && !recipe_->utc; }

 private:
  std::optional<Skip> attempt(std::string_view line, LogEntry& entry);
  std::optional<Skip> by_layouts(std::string_view line, LogEntry& entry);
  std::optional<Skip> by_json(std::string_view line, LogEntry& entry);
  std::optional<Skip> by_csv(std::string_view line, LogEntry& entry);
  bool resolve(const CsvTable& table);
  bool is_other(const Carried& inner) const;

  std::shared_ptr<const Recipe> recipe_;
  Draft draft_;
  std::size_t layout_ = 0;  // that fitted last
  std::optional<JsonLines> json_;
  std::unique_ptr<CsvRow> row_;
  std::vector<std::size_t> csv_places_;  // of each CsvColumn; empty: the header has not come
};

}  // namespace weir::foreign
