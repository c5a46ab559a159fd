// A text format as a list of fields with what stands between them, matched against a line from left
// to right:
//
//   $remote_addr - $remote_user [$time_local] "$request" $status      (nginx)
//   client | " - " | user | " [" | time | "] \"" | request | "\" " | status
//
// A field ends where the literal behind it begins; in a format that escapes quotes with a
// backslash, an escaped one does not end it. A format that does not escape (Envoy) is read by the
// whole literal, `" "`, which a value seldom holds. The line must begin with the first literal and,
// unless the layout has an open end, end with the last field or literal. Cost: a search by 32 bytes
// and a compare of eight per field; a number is read where its end is looked for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "foreign/draft.h"

namespace weir::foreign {

class Literal {
 public:
  explicit Literal(std::string text = {});
  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  const std::string& text() const { return text_; }
  bool at(const char* place, const char* end) const;
  // The first place at or behind `from` where it stands, not escaped; nullptr: none. `escaped`
  // becomes true where a backslash may stand before that place. Bytes from `line` on can be read.
  const char* find(const char* from, const char* end, const char* line, Escape escape,
                   bool& escaped) const;

 private:
  std::string text_;
  std::uint64_t word_ = 0, mask_ = 0;              // its first eight bytes, for one compare
  alignas(16) std::array<char, 16> first_{}, second_{};  // its first two bytes, sixteen times each
};

struct Item {
  Slot slot = Slot::none;
  std::uint8_t rank = 1;
  Escape escape = Escape::none;
  bool may_be_missing =
      false;  // the line may end before or, with an open end, within this item and all behind it
  std::uint32_t maps = 0;  // `--field`s that name it
  Literal behind{};        // where it ends; empty, of the last: with the line
  bool by_backslash = false, counts = false;  // how it escapes; a count, and what ends it is known
};

struct Layout {
  Literal before;
  std::vector<Item> items;
  bool open_end = false;  // whatever follows is not looked at
  bool time_is_end = false;

  // False: the line has another shape. Then what the draft holds means nothing.
  bool match(std::string_view line, Draft& draft) const;
};

// Puts a layout together from the pieces of a format's text, and finds out what cannot be read.
class LayoutBuilder {
 public:
  explicit LayoutBuilder(const FieldMaps& maps) : maps_(maps) {}

  LayoutBuilder& literal(std::string_view text);
  // `name`: as the format names it, for --field. `alias`: another name for it.
  LayoutBuilder& field(const KnownField& known, Escape escape = Escape::none,
                       std::string_view alias = {});
  LayoutBuilder& optional();  // what follows may be missing
  LayoutBuilder& open_end();
  LayoutBuilder& time_is_end(bool yes);

  // Errors: two fields with nothing between them, no time, no client, more than kMaxItems fields.
  Result<Layout> build();
  // Bits of the maps that were named by a field so far.
  std::uint32_t named() const { return named_; }

  static constexpr std::size_t kMaxItems = 128;

 private:
  void end_literal();

  const FieldMaps& maps_;
  Layout layout_;
  std::string literal_, wrong_;
  std::uint32_t named_ = 0;
  bool missing_next_ = false, has_time_ = false, has_client_ = false;
};

// The bits of the maps that name `field`; names are compared without regard to case.
std::uint32_t maps_of(const FieldMaps& maps, std::string_view field);

}  // namespace weir::foreign
