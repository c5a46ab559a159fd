// YAML out: a small tree of what is to be said, laid out by one rule: what fits on a line stands on
// a line (flow style), the rest in blocks. Scalars are quoted wherever some reader could take them
// for something else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

struct Yaml {
  enum class Kind { scalar, list, mapping } kind = Kind::mapping;
  std::string key;            // inside a mapping: under which key it stands
  std::string text;           // scalar: as it is to be written
  std::vector<Yaml> entries;  // list, mapping

  static Yaml list();
  static Yaml word(std::string text);
  static Yaml quoted(std::string_view text);  // quoted where it has to be
  void add(std::string_view key, Yaml value);
  void add(Yaml value);
};

std::string flow(const Yaml& value);   // on one line
std::string block(const Yaml& value);  // a whole document, ending in a newline

}  // namespace weir::config
