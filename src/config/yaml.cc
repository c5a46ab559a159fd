#include "config/yaml.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/yaml_quoted.h"

namespace weir::config {
namespace {

constexpr std::size_t kWidth = 100;

bool is_plain_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '-' || c == ':' || c == '*' || c == '+' || c == '=';
}

// Plain only where every YAML reader, 1.1 ones too, takes it for a text.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 11> kSpecial = {"true", "false", "yes", "no", "on", "off",
                                                         "null", "none",  "y",   "n",  "inf"};
  if (text.empty() || text.size() > 200 || text.back() == ':') return false;
  const char first = text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
  const bool address =
      first >= '0' && first <= '9' && std::count(text.begin(), text.end(), '.') >= 2;
  if (!letter && !address && first != '/' && first != '_') return false;
  if (!std::all_of(text.begin(), text.end(), is_plain_char)) return false;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(kSpecial.begin(), kSpecial.end(), lower) == kSpecial.end();
}

void append_key(std::string& out, const Yaml& child) {
  if (child.quoted_key) out += yaml_quoted(child.key);
  else out += child.key;
  out += ':';
}

// Appends the flow form; answers false when it does not fit into `room`.
bool append_flow(std::string& out, const Yaml& value, std::size_t room) {
  const std::size_t start = out.size();
  if (value.is_scalar()) {
    if (value.quoted_text) out += yaml_quoted(value.text);
    else out += value.text;
    return out.size() - start <= room;
  }
  out += value.is_list() ? '[' : '{';
  bool first = true;
  for (const Yaml& child : value.entries) {
    if (!first) out += ", ";
    first = false;
    if (!value.is_list()) append_key(out, child), out += ' ';
    if (out.size() - start > room || !append_flow(out, child, room - (out.size() - start)))
      return false;
  }
  out += value.is_list() ? ']' : '}';
  return out.size() - start <= room;
}

void append_block(std::string& out, const Yaml& value, std::size_t indent, bool in_list);

void append_entry(std::string& out, const Yaml& child, std::size_t indent) {
  const std::size_t line_start = out.rfind('\n') + 1;
  const std::size_t used = out.size() - line_start + 1;
  const std::size_t before = out.size();
  out += ' ';
  if (child.is_scalar() || child.entries.empty() ||
      append_flow(out, child, used < kWidth ? kWidth - used : 0)) {
    if (child.is_scalar() || child.entries.empty()) {
      out.resize(before + 1);
      append_flow(out, child, static_cast<std::size_t>(-1));
    }
    out += '\n';
    return;
  }
  out.resize(before);
  out += '\n';
  append_block(out, child, indent + 2, false);
}

void append_block(std::string& out, const Yaml& value, std::size_t indent, bool in_list) {
  bool first = in_list;  // the first line of a mapping inside a list stands behind "- "
  for (const Yaml& child : value.entries) {
    if (!first) out.append(indent, ' ');
    first = false;
    if (value.is_mapping()) {
      append_key(out, child);
      append_entry(out, child, indent);
      continue;
    }
    out += '-';
    const std::size_t before = out.size();
    out += ' ';
    const std::size_t room = kWidth > indent + 2 ? kWidth - indent - 2 : 0;
    if (child.is_scalar() || child.entries.empty()) {
      append_flow(out, child, static_cast<std::size_t>(-1));
      out += '\n';
    } else if (append_flow(out, child, room)) {
      out += '\n';
    } else {
      out.resize(before);
      out += ' ';
      append_block(out, child, indent + 2, true);
    }
  }
}

}  // namespace

Yaml Yaml::list() {
  Yaml made;
  made.kind = Kind::list;
  return made;
}

Yaml Yaml::word(std::string text) {
  Yaml made;
  made.kind = Kind::scalar;
  made.text = std::move(text);
  return made;
}

void Yaml::add(std::string_view under, Yaml value) {
  value.key = under;
  entries.push_back(std::move(value));
}

void Yaml::add_quoted(std::string_view under, Yaml value) {
  value.quoted_key = !is_plain(under);
  add(under, std::move(value));
}

void Yaml::add(Yaml value) { entries.push_back(std::move(value)); }

Yaml Yaml::quoted(std::string_view text) {
  Yaml made = word(std::string(text));
  made.quoted_text = !is_plain(text);
  return made;
}

const Yaml* Yaml::find(std::string_view under) const {
  const auto found = std::ranges::find(entries, under, &Yaml::key);
  return found == entries.end() ? nullptr : &*found;
}

std::string flow(const Yaml& value) {
  std::string out;
  append_flow(out, value, static_cast<std::size_t>(-1));
  return out;
}

std::string block(const Yaml& value) {
  std::string out;
  append_block(out, value, 0, false);
  return out;
}

}  // namespace weir::config
