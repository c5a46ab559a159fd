#include "control/plan_policy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

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

// Behind the last byte of a node. Of one in brackets that is its bracket, of one by lines the end
// of its last value.
std::size_t end_of(std::string_view text, const Node& node) {
  const std::size_t from = offset_of(text, node.at);
  if (node.is_scalar()) {
    config::Span end = node.at;
    end.column += node.at.length;
    return offset_of(text, end);
  }
  const bool brackets = from < text.size() && (text[from] == '[' || text[from] == '{');
  std::size_t at = node.children.empty() ? from + 1 : end_of(text, node.children.back());
  if (!brackets) return at;
  const char close = text[from] == '[' ? ']' : '}';
  for (; at < text.size() && text[at] != close; ++at) {
    if (text[at] == '#') at = std::min(text.find('\n', at), text.size() - 1);
  }
  return std::min(at + 1, text.size());
}

// What a path leads to: a value, or the mapping that has no such key. `up`: the nodes it stands in,
// the outermost first.
struct Place {
  const Node* value = nullptr;
  const Node* mapping = nullptr;
  std::string missing;       // the rest of the path, from the key that the mapping does not have
  bool is_endpoint = false;  // `value` is an endpoint by its address alone, `missing` what is added
  std::vector<const Node*> up;
};

// How an element of a list is called: by its name, an endpoint by its address.
const Node* called(const Node& element) {
  if (element.is_scalar()) return &element;
  if (!element.is_mapping()) return nullptr;
  const Node* const name = element.find("name");
  return name != nullptr ? name : element.find("address");
}

std::optional<Place> find(const Node& node, std::string_view path);

// The rest of the path behind an element of that name; nothing: it is another's.
std::optional<std::string_view> behind(const Node* name, std::string_view path) {
  if (name == nullptr || !name->is_scalar() || !path.starts_with(name->text)) return std::nullopt;
  const std::string_view rest = path.substr(name->text.size());
  if (rest.empty()) return rest;
  return rest.starts_with('.') ? std::optional(rest.substr(1)) : std::nullopt;
}

// Names may hold dots, so several may fit (api, api.v2): the longest that leads to a value, else
// the longest.
std::optional<Place> find_element(const Node& list, std::string_view path) {
  std::optional<Place> best;
  std::size_t shortest = 0;  // what the best one's name leaves of the path
  for (const Node& element : list.children) {
    const auto rest = behind(called(element), path);
    if (!rest) continue;
    std::optional<Place> found;
    if (element.is_scalar() && !rest->empty()) {
      found.emplace();
      found->value = &element;
      found->is_endpoint = true;
      found->missing = *rest;
    } else {
      found = find(element, *rest);
    }
    if (!found) continue;
    const auto leads = [](const Place& place) { return place.missing.empty(); };
    const bool better =
        !best || (leads(*found) == leads(*best) ? rest->size() < shortest : leads(*found));
    if (!better) continue;
    best = std::move(found);
    shortest = rest->size();
  }
  if (best) return best;
  // Overrides have no names: they are counted from 0.
  const std::size_t dot = std::min(path.find('.'), path.size());
  std::size_t number = 0;
  const auto read = std::from_chars(path.data(), path.data() + dot, number);
  if (read.ec != std::errc() || read.ptr != path.data() + dot || number >= list.children.size())
    return std::nullopt;
  return find(list.children[number], path.substr(std::min(dot + 1, path.size())));
}

std::optional<Place> find(const Node& node, std::string_view path) {
  if (path.empty()) {
    Place place;
    place.value = &node;
    return place;
  }
  std::optional<Place> place;
  if (node.is_sequence()) {
    place = find_element(node, path);
  } else if (node.is_mapping()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (const Node* const value = node.find(path.substr(0, dot)))
      place = find(*value, path.substr(std::min(dot + 1, path.size())));
    if (!place && node.find(path.substr(0, dot)) == nullptr) {
      place.emplace();
      place->mapping = &node;
      place->missing = path;
    }
  }
  if (place) place->up.insert(place->up.begin(), &node);
  return place;
}

// "timeouts.response", "2s": timeouts: {response: 2s}
std::string nested(std::string_view path, const std::string& value) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return fmt::format("{}: {}", path, value);
  return fmt::format("{}: {{{}}}", path.substr(0, dot), nested(path.substr(dot + 1), value));
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
    const std::size_t from = offset_of(text, node.at), to = end_of(text, node);
    text.replace(from, to - from,
                 place.is_endpoint
                     ? fmt::format("{{address: {}, {}}}", text.substr(from, to - from),
                                   nested(place.missing, spelled(value)))
                     : spelled(value));
    return {};
  }
  if (place.mapping->children.empty())
    return wrong(fmt::format("--set {}: there is nothing to add it to", path));
  const config::Span first = place.mapping->children.front().at;
  const std::size_t at = offset_of(text, first);
  const std::size_t opened = offset_of(text, place.mapping->at);
  const std::string added = nested(place.missing, spelled(value));
  if (opened < text.size() && text[opened] == '{')
    text.insert(at, added + ", ");
  else
    text.insert(at, fmt::format("{}\n{}", added, std::string(first.column - 1, ' ')));
  return {};
}

// Takes one child (a key with its value, or an element) out of what it stands in. An only child
// takes its parent along, as far up as there are others.
bool take_out(std::string& text, std::vector<const Node*> up, const Node* child) {
  for (; !up.empty(); child = up.back(), up.pop_back()) {
    const Node& parent = *up.back();
    const std::size_t step = parent.is_mapping() ? 2 : 1;
    if (parent.children.size() <= step) continue;
    std::size_t index = 0;  // of the child, for mappings of its value
    while (&parent.children[index] != child) ++index;
    index -= index % step;
    const std::size_t next = index + step;
    const std::size_t from = next < parent.children.size()
                                 ? offset_of(text, parent.children[index].at)
                                 : end_of(text, parent.children[index - 1]);
    const std::size_t to = next < parent.children.size() ? offset_of(text, parent.children[next].at)
                                                         : end_of(text, parent.children[next - 1]);
    text.erase(from, to - from);
    return true;
  }
  return false;
}

// A list `limits:` that names one: nothing where there is none.
bool forget(std::string& text, const Node& node, std::string_view limit,
            std::vector<const Node*>& up) {
  up.push_back(&node);
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = node.children[i];
    if (node.is_mapping() && i % 2 == 1 && node.children[i - 1].text == "limits" &&
        child.is_sequence()) {
      const auto named = std::ranges::find_if(child.children, [&](const Node& element) {
        return element.is_scalar() && element.text == limit;
      });
      if (named != child.children.end()) {
        if (child.children.size() > 1) {
          up.push_back(&child);
          return take_out(text, up, &*named);
        }
        // Left empty, not left out: then those of `defaults` would apply.
        const std::size_t from = offset_of(text, child.at), to = end_of(text, child);
        text.replace(from, to - from, "[]");
        return true;
      }
    }
    if (!child.is_scalar() && forget(text, child, limit, up)) return true;
  }
  up.pop_back();
  return false;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<config::Tree> tree_of(const config::Input& input, std::size_t file) {
  config::Diagnostics diagnostics;
  return config::parse(static_cast<std::uint16_t>(file), input.files[file].text, {}, diagnostics);
}

std::unexpected<Error> not_yaml(const config::SourceFile& file) {
  return wrong(fmt::format("{} is not YAML: weir check says where", config::printable(file.name)));
}

std::unexpected<Error> no_such_place(std::string_view flag, const std::string& path) {
  return wrong(
      fmt::format("{} {}: there is no such place; paths go by keys and names, such as "
                  "limits.per-caller.rate",
                  flag, config::printable(path)));
}

}  // namespace

Result<> set_value(config::Input& input, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return wrong(fmt::format("--set takes PATH=VALUE, such as limits.per-caller.rate=5/s, not {}",
                             config::quote(assignment)));
  }
  const std::string path = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    const auto tree = tree_of(input, i);
    if (!tree) return not_yaml(input.files[i]);
    for (const Node& document : tree->documents) {
      const auto place = find(document, path);
      if (!place) continue;
      // A top-level key that another file may have: only where it stands.
      if (place->mapping == &document) continue;
      return change(input.files[i].text, *place, value, config::printable(path));
    }
  }
  return no_such_place("--set", path);
}

Result<> unset_value(config::Input& input, const std::string& path) {
  bool done = false;
  std::string limit;  // that was taken out
  for (std::size_t i = 0; i < input.files.size() && !done; ++i) {
    std::string& text = input.files[i].text;
    const auto tree = tree_of(input, i);
    if (!tree) return not_yaml(input.files[i]);
    for (const Node& document : tree->documents) {
      const auto place = find(document, path);
      if (done || !place || place->value == nullptr || place->is_endpoint) continue;
      const Node* const name = place->value->is_mapping() ? called(*place->value) : nullptr;
      if (name != nullptr && path == "limits." + std::string(name->text)) limit = name->text;
      done = take_out(text, place->up, place->value);
    }
    if (done && !tree_of(input, i)) return not_yaml(input.files[i]);
  }
  if (!done) return no_such_place("--unset", path);
  if (limit.empty()) return {};
  for (std::size_t i = 0; i < input.files.size();) {
    const auto tree = tree_of(input, i);
    if (!tree) return not_yaml(input.files[i]);
    const bool found = std::ranges::any_of(tree->documents, [&](const Node& document) {
      std::vector<const Node*> up;
      return forget(input.files[i].text, document, limit, up);
    });
    if (!found) ++i;
  }
  return {};
}

std::string limit_key(const std::string& limit) {
  const std::vector<std::string> words = words_of(limit);
  return words.empty() ? std::string() : words[0];
}

std::vector<std::string> names_of_limits(const std::vector<std::string>& limits) {
  std::vector<std::string> names;
  std::set<std::string> used;
  for (const std::string& limit : limits) {
    std::string name = limit_key(limit);
    std::ranges::replace_if(name, [](char c) { return c == ':' || c == '+' || c == ','; }, '-');
    while (!used.insert(name).second) name += "-" + std::to_string(used.size() + 1);
    names.push_back(std::move(name));
  }
  return names;
}

Result<config::Input> limits_alone(const std::vector<std::string>& limits,
                                   const std::vector<std::string>& identities) {
  std::string rules, names;
  const std::vector<std::string> each_named = names_of_limits(limits);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string &limit = limits[i], &name = each_named[i];
    const std::vector<std::string> words = words_of(limit);
    const bool burst = words.size() == 3 && words[2].starts_with("burst=");
    if (words.size() < 2 || words.size() > 3 || (words.size() == 3 && !burst)) {
      return wrong(fmt::format(
          "--limit takes 'KEY RATE [burst=N]', such as 'client_ip 10/s burst=20', not {}",
          config::quote(limit)));
    }
    std::string key;
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
