#include "config/difference.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/node.h"
#include "fmt/core.h"

namespace weir::config {
namespace {

using Kind = Difference::Kind;

// On one line, as YAML writes it.
void write(const Node& node, std::string& out) {
  if (node.is_scalar()) {
    out += node.is_null() ? "none" : node.text;
    return;
  }
  const bool list = node.is_sequence();
  out += list ? '[' : '{';
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0 && (list || i % 2 == 0)) out += ", ";
    write(node.children[i], out);
    if (!list && i % 2 == 0) out += ": ";
  }
  out += list ? ']' : '}';
}
std::string text_of(const Node& node) {
  std::string out;
  write(node, out);
  return out;
}

// What an element of a list is found again by; "" where it has nothing of the kind.
std::string_view name_of(const Node& element) {
  if (!element.is_mapping()) return "";
  for (const std::string_view key : {"name", "address"}) {
    if (const Node* value = element.find(key); value != nullptr && value->is_scalar()) return value->text;
  }
  return "";
}
bool is_named(const Node& list) {
  return list.is_sequence() && !list.children.empty() && std::ranges::none_of(list.children, [](const Node& each) { return name_of(each).empty(); });
}

class Walk {
 public:
  explicit Walk(std::vector<Difference>& out) : out_(out) {}

  void compare(const std::string& path, const Node& before, const Node& after) {
    if (before.is_mapping() && after.is_mapping()) return mappings(path, before, after);
    const bool lists = before.is_sequence() && after.is_sequence();
    if (lists && (is_named(before) || before.children.empty()) && (is_named(after) || after.children.empty())) return named(path, before, after);
    std::string was = text_of(before), is = text_of(after);
    if (was != is) out_.push_back({Kind::changed, path, std::move(was), std::move(is)});
  }

 private:
  static std::string below(const std::string& path, std::string_view key) { return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key); }

  void mappings(const std::string& path, const Node& before, const Node& after) {
    for (std::size_t i = 0; i < after.children.size(); i += 2) {
      const std::string_view key = after.children[i].text;
      const Node* const was = before.find(key);
      if (was != nullptr) compare(below(path, key), *was, after.children[i + 1]);
      else out_.push_back({Kind::added, below(path, key), "", text_of(after.children[i + 1])});
    }
    for (std::size_t i = 0; i < before.children.size(); i += 2) {
      const std::string_view key = before.children[i].text;
      if (after.find(key) == nullptr) out_.push_back({Kind::removed, below(path, key), text_of(before.children[i + 1]), ""});
    }
  }

  using ByName = std::unordered_map<std::string_view, const Node*>;
  static ByName by_name(const Node& list) {
    ByName names;
    names.reserve(list.children.size());
    for (const Node& element : list.children) names.emplace(name_of(element), &element);   // the first of a name
    return names;
  }

  void named(const std::string& path, const Node& before, const Node& after) {
    const ByName were = by_name(before), are = by_name(after);
    std::vector<std::string_view> order_before, order_after;
    for (const Node& element : after.children) {
      const auto was = were.find(name_of(element));
      if (was == were.end()) {
        out_.push_back({Kind::added, below(path, name_of(element)), "", text_of(element)});
        continue;
      }
      order_after.push_back(name_of(element));
      compare(below(path, name_of(element)), *was->second, element);
    }
    for (const Node& element : before.children) {
      if (are.contains(name_of(element))) order_before.push_back(name_of(element));
      else out_.push_back({Kind::removed, below(path, name_of(element)), text_of(element), ""});
    }
    if (order_before != order_after) out_.push_back({Kind::moved, path, "", ""});
  }

  std::vector<Difference>& out_;
};

// A bucket is kept under (name, key, rate, burst): decide/limits.h.
std::vector<std::string> starting_anew(const std::vector<Difference>& differences) {
  std::vector<std::string> names;
  for (const Difference& each : differences) {
    std::string_view rest = each.path;
    if (each.kind == Kind::moved || !rest.starts_with("limits.")) continue;
    rest.remove_prefix(std::string_view("limits.").size());
    const std::size_t learned = rest.find(".learned");
    const std::size_t dot = learned != std::string_view::npos ? learned : rest.rfind('.');
    if (dot == std::string_view::npos) continue;
    const std::string_view key = rest.substr(dot + 1);
    if (key != "key" && key != "rate" && key != "burst" && learned == std::string_view::npos) continue;
    std::string name(rest.substr(0, dot));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

struct Completed {
  std::string text;
  std::optional<Tree> tree;
};
Result<Completed> complete(const Input& input, std::string_view which) {
  auto text = effective(input);
  if (!text) return wrap(text.error(), fmt::format("the {} does not compile", which));
  Completed completed{.text = std::move(*text)};
  return completed;
}

}  // namespace

Result<Comparison> compare(const Input& before, const Input& after) {
  auto first = complete(before, "first"), second = complete(after, "second");
  if (!first) return std::unexpected(first.error());
  if (!second) return std::unexpected(second.error());
  Diagnostics none;
  for (Completed* each : {&*first, &*second}) each->tree = parse(0, each->text, {}, none);
  if (!first->tree || !second->tree || first->tree->documents.size() != 1 || second->tree->documents.size() != 1)
    return fail(ErrorKind::internal, "what is printed with every default filled in cannot be read", Origin::config);
  Comparison comparison;
  Walk(comparison.differences).compare("", first->tree->documents.front(), second->tree->documents.front());
  comparison.starts_anew = starting_anew(comparison.differences);
  return comparison;
}

}  // namespace weir::config
