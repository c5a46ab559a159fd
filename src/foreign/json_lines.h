// Log lines that are JSON objects, by simdjson on demand. What it is asked to parse is a copy of
// the line in which bytes from 0x80 on and control bytes are blanked, so that a line which is not
// UTF-8 (nginx writes what the client sent) is read like any other; values are then taken from the
// line itself, at the same places, and unescaped by our own hand.
//
// A field is named by its path, objects joined by dots: request.headers.User-Agent. Of an array the
// first element counts. Paths have at most kMaxPath bytes and kMaxDepth objects; what lies deeper
// is passed over. Cost: 0.6 to 1 us for a line of 500 to 900 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/draft.h"

namespace weir::foreign {

struct JsonRow {
  std::string path;
  Slot slot = Slot::none;
  std::uint8_t rank = 1;
  std::uint32_t maps = 0;
};

class JsonTable {
 public:
  JsonTable() = default;
  JsonTable(std::vector<JsonRow> rows, bool end);
  // nullptr: no row asks for it.
  const JsonRow* find(std::string_view path) const;

  bool time_is_end = false;

 private:
  std::vector<JsonRow> rows_;
  std::vector<std::int16_t> places_;  // open addressing, a power of two
};

// Rows for known fields, and for the `--field`s, which may name any path.
JsonTable json_table(std::vector<KnownField> known, const FieldMaps& maps, bool time_is_end);

class JsonLines {
 public:
  static constexpr std::size_t kMaxPath = 160, kMaxDepth = 4;
  JsonLines();
  JsonLines(JsonLines&&) noexcept;
  JsonLines& operator=(JsonLines&&) noexcept;
  ~JsonLines();

  // False: `line` (at most kMaxLine bytes) is no JSON object. Fields found before that was seen
  // have been set.
  bool read(std::string_view line, const JsonTable& table, Draft& draft);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace weir::foreign
