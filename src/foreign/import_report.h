// What became of each line of a foreign configuration: the report of `weir import`.
//   text   the verdict and counts in the first lines, then what is lost, what is not quite the
//          same, what is the same; at most 100 columns
//   json   {"source", "output", "listeners" [], "hosts", "routes", "upstreams", "limits",
//          "translated", "approximated", "not_translatable", "lines": [{file, line, end_line, text, fate, why}],
//          "everywhere": [{id, text}], "other_listeners": []}
// Every directive of the source has one entry; `line` to `end_line` are the lines that it speaks
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::foreign {

enum class Fate : std::uint8_t { translated, approximated, not_translatable };
std::string_view to_string(Fate fate);

struct ImportLine {
  std::string file;
  std::uint32_t line = 0, end_line = 0;
  std::string text;  // the directive, printable
  Fate fate = Fate::translated;
  std::string why;  // "" only where there is nothing to say
};

// A difference between the two programs that no single line stands for.
struct ImportNote {
  std::string id, text;
};

struct ImportReport {
  std::string source;
  std::vector<ImportLine> lines;  // in the order of the source
  std::vector<ImportNote> everywhere;
  std::vector<std::string> listeners, other_listeners;  // addresses: in this file, left to others
  std::size_t hosts = 0, routes = 0, upstreams = 0, limits = 0;

  std::size_t count(Fate fate) const;
};

// `output`: the file that was written, "" when the configuration went to standard output.
std::string render_import_text(const ImportReport& report, std::string_view output);
std::string render_import_json(const ImportReport& report, std::string_view output);

}  // namespace weir::foreign
