// One line of comma- or tab-separated values, taken apart (RFC 4180, but a value never goes over
// the end of its line).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "foreign/recipe.h"

namespace weir::foreign {

struct CsvCell {
  std::string_view text;
  bool quoted = false;  // then "" in it stands for "
};

struct CsvRow {
  std::array<CsvCell, CsvTable::kMaxColumns> cells;
  std::size_t count = 0;  // columns beyond kMaxColumns are not looked at
};

// False: a quoted value that does not end.
bool split_csv(std::string_view line, char delimiter, CsvRow& row);

}  // namespace weir::foreign
