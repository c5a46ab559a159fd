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
  bool quoted_key = false, quoted_text = false;  // to be written in quotes
  std::string key;                               // inside a mapping: under which key it stands
  std::string text;                              // scalar
  std::vector<Yaml> entries;                     // list, mapping

  static Yaml list();
  static Yaml word(std::string text);
  static Yaml quoted(std::string_view text);  // quoted where it has to be
  void add(std::string_view key, Yaml value);
  void add_quoted(std::string_view key, Yaml value);  // the key is quoted where it has to be
  void add(Yaml value);

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_mapping() const { return kind == Kind::mapping; }
  const Yaml* find(std::string_view key) const;  // mapping: the value, or null
};

std::string flow(const Yaml& value);   // on one line
std::string block(const Yaml& value);  // a whole document, ending in a newline

}  // namespace weir::config
