#include "control/plan_policy.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/node.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using config::Node;

std::unexpected<Error> wrong(std::string text) {
  return fail(ErrorKind::invalid, std::move(text), Origin::config);
}

// Where a line and column (in characters) lie in a text.
std::size_t offset_of(std::string_view text, const config::Span& at) {
  std::size_t offset = 0;
  for (std::uint32_t line = 1; line < at.line; ++line) offset = text.find('\n', offset) + 1;
  for (std::uint32_t column = 1; column < at.column; ++column) {
    do ++offset;
    while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xC0) == 0x80);
  }
  return offset;
}

// What a path leads to: a value, or the mapping that has no such key.
struct Place {
  const Node* value = nullptr;
  const Node* mapping = nullptr;
  std::string key;
};

std::optional<Place> find(const Node& node, std::string_view path) {
  if (path.empty()) return Place{.value = &node, .mapping = nullptr, .key = {}};
  if (node.is_sequence()) {
    for (const Node& element : node.children) {
      const Node* const name = element.is_mapping() ? element.find("name") : nullptr;
      if (name == nullptr || !name->is_scalar() || !path.starts_with(name->text)) continue;
      const std::string_view rest = path.substr(name->text.size());
      if (!rest.starts_with('.')) continue;
      if (const auto found = find(element, rest.substr(1))) return found;
    }
    return std::nullopt;
  }
  if (!node.is_mapping()) return std::nullopt;
  const std::size_t dot = path.find('.');
  const std::string_view key = path.substr(0, dot);
  const Node* const value = node.find(key);
  if (value != nullptr)
    return find(*value, dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1));
  if (dot != std::string_view::npos) return std::nullopt;
  return Place{.value = nullptr, .mapping = &node, .key = std::string(key)};
}

// As it would stand in YAML: quoted unless it is plain enough.
std::string spelled(std::string_view value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           std::string_view("/._-%*[], ").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

Result<> change(std::string& text, const Place& place, std::string_view value,
                std::string_view path) {
  if (place.value != nullptr) {
    const Node& node = *place.value;
    if (!node.is_scalar() || node.at.length == 0)
      return wrong(fmt::format("--set {}: that is not a single value", path));
    const std::size_t from = offset_of(text, node.at);
    config::Span end = node.at;
    end.column += node.at.length;
    text.replace(from, offset_of(text, end) - from, spelled(value));
    return {};
  }
  if (place.mapping->children.empty())
    return wrong(fmt::format("--set {}: there is nothing to add it to", path));
  const config::Span first = place.mapping->children.front().at;
  const std::size_t at = offset_of(text, first);
  const std::size_t opened = offset_of(text, place.mapping->at);
  if (opened < text.size() && text[opened] == '{') {
    text.insert(at, fmt::format("{}: {}, ", place.key, spelled(value)));
  } else {
    text.insert(at, fmt::format("{}: {}\n{}", place.key, spelled(value),
                                std::string(first.column - 1, ' ')));
  }
  return {};
}

}  // namespace

Result<> set_value(config::Input& input, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return wrong(fmt::format("--set takes PATH=VALUE, such as limits.per-caller.rate=5/s, not {}",
                             config::quote(assignment)));
  }
  const std::string path = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  std::optional<std::pair<std::size_t, Place>> missing;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    config::Diagnostics diagnostics;
    const auto tree =
        config::parse(static_cast<std::uint16_t>(i), input.files[i].text, {}, diagnostics);
    if (!tree)
      return wrong(fmt::format("{} is not YAML: weir check says where",
                               config::printable(input.files[i].name)));
    for (const Node& document : tree->documents) {
      const auto place = find(document, path);
      if (!place) continue;
      // A top-level key that another file may have: only where it stands.
      if (place->mapping == &document) continue;
      return change(input.files[i].text, *place, value, config::printable(path));
    }
  }
  return wrong(
      fmt::format("--set {}: there is no such place; paths go by keys and names, such as "
                  "limits.per-caller.rate",
                  config::printable(path)));
}

Result<config::Input> limits_alone(const std::vector<std::string>& limits,
                                   const std::vector<std::string>& identities) {
  std::string rules, names;
  std::set<std::string> used;
  for (const std::string& limit : limits) {
    std::vector<std::string> words;
    std::string_view rest = limit;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) words.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    const bool burst = words.size() == 3 && words[2].starts_with("burst=");
    if (words.size() < 2 || words.size() > 3 || (words.size() == 3 && !burst)) {
      return wrong(fmt::format(
          "--limit takes 'KEY RATE [burst=N]', such as 'client_ip 10/s burst=20', not {}",
          config::quote(limit)));
    }
    std::string name = words[0], key;
    std::ranges::replace_if(name, [](char c) { return c == ':' || c == '+' || c == ','; }, '-');
    while (!used.insert(name).second) name += "-" + std::to_string(used.size() + 1);
    for (std::string_view parts = words[0]; !parts.empty();) {
      const std::size_t end = std::min(parts.find_first_of("+,"), parts.size());
      key += (key.empty() ? "" : ", ") + fmt::format("\"{}\"", parts.substr(0, end));
      parts.remove_prefix(std::min(end + 1, parts.size()));
    }
    if (limit.find_first_of("\"\\\n{}") != std::string::npos)
      return wrong(fmt::format("--limit {}: no such key", config::quote(limit)));
    rules += fmt::format("  - {{name: \"{}\", key: [{}], rate: \"{}\"{}}}\n", name, key, words[1],
                         burst ? ", burst: \"" + words[2].substr(6) + "\"" : "");
    names += (names.empty() ? "\"" : ", \"") + name + "\"";
  }
  std::string text = "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:8080\"}]\n";
  if (!identities.empty()) text += "identity:\n";
  for (const std::string& name : identities) {
    text += fmt::format(
        "  - {{name: \"{}\", service: {{header: X-Caller, from: [0.0.0.0/0, \"::/0\"]}}}}\n", name);
  }
  text += fmt::format(
      "limits:\n{}upstreams: [{{name: any, endpoints: [\"127.0.0.1:1\"]}}]\n"
      "routes: [{{name: all, match: {{path: /*}}, upstream: any, encoded_slash: keep, limits: "
      "[{}]}}]\n",
      rules, names);
  return config::Input{
      .files = {{.name = "--limit", .text = std::move(text)}}, .directory = "/", .lint = false};
}

}  // namespace weir::control
