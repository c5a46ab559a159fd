// What is wrong with a configuration, where, and what would be right. Collected while reading,
// several at once, up to a bound; nothing here prints. Lines and columns are 1-based, columns count
// characters (code points), length 0 means "from here on".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/rules.h"

namespace weir::config {

struct Span {
  std::uint16_t file = 0;  // index into the files of the input
  std::uint32_t line = 0;  // 0: no place (a default, or the configuration as a whole)
  std::uint32_t column = 0;
  std::uint32_t length = 0;
  bool known() const { return line != 0; }
};

// Another place that belongs to the finding: "the first one is here".
struct Note {
  Span at;
  std::string text;
};

struct Diagnostic {
  Rule rule = Rule::bad_value;
  Severity severity = Severity::error;
  Span at;
  std::string message;  // what is wrong, with the offending text
  std::string remedy;   // what to write instead; "" only where nothing can be said
  std::vector<Note> notes;
};

// A name and a text as the caller read them.
struct SourceFile {
  std::string name;
  std::string text;
};

class Diagnostics {
 public:
  static constexpr std::size_t kMax = 50;

  // The reference is good until the next add; past the bound it is a spare that is thrown away.
  Diagnostic& add(Rule rule, Span at, std::string message, std::string remedy);

  const std::vector<Diagnostic>& list() const { return list_; }
  std::vector<Diagnostic> take() { return std::move(list_); }
  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }
  std::size_t dropped() const { return dropped_; }  // counted, beyond the bound
  bool full() const { return list_.size() >= kMax; }
  void sort();  // by place, errors and warnings mixed as they stand in the text

 private:
  std::vector<Diagnostic> list_;
  Diagnostic spare_;
  std::size_t errors_ = 0, warnings_ = 0, dropped_ = 0;
};

// "rte" as it may be shown: in double quotes, printable, cut after 60 bytes.
std::string quote(std::string_view text);

// UTF-8 with everything escaped that a terminal would obey: control characters, and those that turn
// or break lines.
std::string printable(std::string_view text);

// The candidate nearest to `word` in edit distance (a swap of neighbours counts one; case, '-' and
// '_' count nothing), or "" when none is near enough to be meant.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace weir::config
