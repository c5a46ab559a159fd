#include "config/difference.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/compact_tree.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"
#include "fmt/core.h"

namespace weir::config {
namespace {

using Kind = Difference::Kind;

// On one line, as YAML writes it without quotes.
void write(const Yaml& value, std::string& out) {
  if (value.is_scalar()) {
    const bool nothing = !value.quoted_text && (value.text.empty() || value.text == "null");
    out += nothing ? "none" : value.text;
    return;
  }
  out += value.is_list() ? '[' : '{';
  for (std::size_t i = 0; i < value.entries.size(); ++i) {
    if (i > 0) out += ", ";
    if (value.is_mapping()) out += value.entries[i].key + ": ";
    write(value.entries[i], out);
  }
  out += value.is_list() ? ']' : '}';
}
std::string text_of(const Yaml& value) {
  std::string out;
  write(value, out);
  return out;
}

// What an element of a list is found again by; "" where it has nothing of the kind.
std::string_view name_of(const Yaml& element) {
  if (!element.is_mapping()) return "";
  for (const std::string_view key : {"name", "address"}) {
    if (const Yaml* value = element.find(key); value != nullptr && value->is_scalar()) return value->text;
  }
  return "";
}
bool is_named(const Yaml& list) {
  return list.is_list() && !list.entries.empty() && std::ranges::none_of(list.entries, [](const Yaml& each) { return name_of(each).empty(); });
}

using ByName = std::unordered_map<std::string_view, const Yaml*>;
ByName by_name(const Yaml& list) {
  ByName names;
  names.reserve(list.entries.size());
  for (const Yaml& element : list.entries) names.emplace(name_of(element), &element);   // the first of a name
  return names;
}

class Walk {
 public:
  explicit Walk(std::vector<Difference>& out) : out_(out) {}

  void compare(const std::string& path, const Yaml& before, const Yaml& after) {
    if (before.is_mapping() && after.is_mapping()) return mappings(path, before, after);
    const bool lists = before.is_list() && after.is_list();
    if (lists && (is_named(before) || before.entries.empty()) && (is_named(after) || after.entries.empty())) return named(path, before, after);
    std::string was = text_of(before), is = text_of(after);
    if (was != is) out_.push_back({Kind::changed, path, std::move(was), std::move(is)});
  }

 private:
  static std::string below(const std::string& path, std::string_view key) { return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key); }

  void mappings(const std::string& path, const Yaml& before, const Yaml& after) {
    for (const Yaml& is : after.entries) {
      const Yaml* const was = before.find(is.key);
      if (was != nullptr) compare(below(path, is.key), *was, is);
      else out_.push_back({Kind::added, below(path, is.key), "", text_of(is)});
    }
    for (const Yaml& was : before.entries) {
      if (after.find(was.key) == nullptr) out_.push_back({Kind::removed, below(path, was.key), text_of(was), ""});
    }
  }

  void named(const std::string& path, const Yaml& before, const Yaml& after) {
    const ByName were = by_name(before), are = by_name(after);
    std::vector<std::string_view> order_before, order_after;
    for (const Yaml& element : after.entries) {
      const auto was = were.find(name_of(element));
      if (was == were.end()) {
        out_.push_back({Kind::added, below(path, name_of(element)), "", text_of(element)});
        continue;
      }
      order_after.push_back(name_of(element));
      compare(below(path, name_of(element)), *was->second, element);
    }
    for (const Yaml& element : before.entries) {
      if (are.contains(name_of(element))) order_before.push_back(name_of(element));
      else out_.push_back({Kind::removed, below(path, name_of(element)), text_of(element), ""});
    }
    if (order_before != order_after) out_.push_back({Kind::moved, path, "", ""});
  }

  std::vector<Difference>& out_;
};

// A bucket is kept under (name, key, rate, burst): decide/limits.h. An override has its own rate and burst.
std::vector<std::string> starting_anew(const Yaml& before, const Yaml& after) {
  std::vector<std::string> names;
  const Yaml* const were = before.find("limits");
  const Yaml* const are = after.find("limits");
  if (were == nullptr || are == nullptr) return names;
  const auto text = [](const Yaml& limit, std::string_view key) {
    const Yaml* const value = limit.find(key);
    return value == nullptr ? std::string() : text_of(*value);
  };
  const ByName old = by_name(*were);
  for (const Yaml& is : are->entries) {
    const auto was = old.find(name_of(is));
    if (was == old.end()) continue;
    const auto other = [&](std::string_view key) { return text(*was->second, key) != text(is, key); };
    if (std::ranges::any_of(std::array<std::string_view, 5>{"key", "rate", "burst", "learned", "overrides"}, other)) names.emplace_back(name_of(is));
  }
  return names;
}

// Names in the order of `list`, those that `other` has.
template <class T>
std::vector<std::string_view> in_both(const List<T>& list, const std::unordered_map<std::string_view, const T*>& other) {
  std::vector<std::string_view> names;
  names.reserve(list.size());
  for (const auto& each : list) {
    if (const std::string_view name = each.value.name.value.text; other.contains(name)) names.push_back(name);
  }
  return names;
}

template <class T>
std::unordered_map<std::string_view, const T*> by_name(const List<T>& list) {
  std::unordered_map<std::string_view, const T*> names;
  names.reserve(list.size());
  for (const auto& each : list) names.emplace(each.value.name.value.text, &each.value);
  return names;
}

// Of two lists in one order what means the same in both: of 10,000 routes it would be written out and walked for nothing.
template <class T>
void leave_out_equal(Given<List<T>>& before, Given<List<T>>& after) {
  const auto were = by_name(before.value), are = by_name(after.value);
  if (in_both(before.value, are) != in_both(after.value, were)) return;
  const auto rest = [](const List<T>& list, const std::unordered_map<std::string_view, const T*>& other) {
    List<T> kept;
    for (const auto& each : list) {
      const auto found = other.find(each.value.name.value.text);
      if (found == other.end() || *found->second != each.value) kept.push_back(each);
    }
    return kept;
  };
  List<T> was = rest(before.value, are), is = rest(after.value, were);
  before.value = std::move(was);
  after.value = std::move(is);
}

Comparison compare(Spec& before, Spec& after) {
  leave_out_equal(before.listeners, after.listeners);
  leave_out_equal(before.identity, after.identity);
  leave_out_equal(before.limits, after.limits);
  leave_out_equal(before.concurrency, after.concurrency);
  leave_out_equal(before.upstreams, after.upstreams);
  leave_out_equal(before.routes, after.routes);
  Comparison comparison;
  const Yaml was = write_root(before), is = write_root(after);
  Walk(comparison.differences).compare("", was, is);
  comparison.starts_anew = starting_anew(was, is);
  return comparison;
}

}  // namespace

Result<Comparison> compare(const Input& before, const Input& after) {
  const auto first = completed(before), second = completed(after);
  if (!first) return wrap(first.error(), "the first does not compile");
  if (!second) return wrap(second.error(), "the second does not compile");
  return compare(**first, **second);
}

Comparison compare(const CompactTree& before, const CompactTree& after) {
  if (before == after) return {};
  return compare(*completed(before), *completed(after));
}

}  // namespace weir::config
