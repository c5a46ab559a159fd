#include "config/reference.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "config/rules.h"
#include "config/schema.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

struct Place {
  const Object* object;
  std::vector<std::string> paths;  // "routes[].match"
};

const Object* object_of(const Field& field) {
  if (field.shape == nullptr) return nullptr;
  const Shape* shape = &field.shape();
  while (shape->element != nullptr) shape = &shape->element();
  return shape->object == nullptr ? nullptr : &shape->object();
}

// Every object once, in the order in which a reader meets them, with all places where it may stand.
void collect(const Object& object, const std::string& path, std::vector<Place>& places) {
  const auto known = std::find_if(places.begin(), places.end(),
                                  [&](const Place& p) { return p.object == &object; });
  if (known != places.end()) {
    known->paths.push_back(path);
    return;
  }
  places.push_back({&object, {path}});
  for (const Field& field : object.fields) {
    const Object* below = object_of(field);
    if (below == nullptr) continue;
    const bool list = field.shape().kind == Shape::Kind::list;
    collect(*below,
            fmt::format("{}{}{}{}", path, path.empty() ? "" : ".", field.key, list ? "[]" : ""),
            places);
  }
}

std::vector<Place> all_places() {
  std::vector<Place> places;
  collect(root_object(), "", places);
  return places;
}

bool is_key(const Field& field) {
  return field.presence != Presence::not_yet && field.presence != Presence::secret;
}

// --- the guide --------------------------------------------------------------------------------

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string value_cell(const Field& field) {
  const Shape& shape = field.shape();
  std::string out;
  for (const std::string_view word : shape.words)
    out += fmt::format("{}`{}`", out.empty() ? "" : ", ", word);
  if (shape.words.empty() || !shape.pattern.empty()) out = std::string(shape.name);
  if (shape.kind == Shape::Kind::object) out = "mapping";
  if (shape.kind == Shape::Kind::list && object_of(field) != nullptr) out = "list of mappings";
  if (shape.kind == Shape::Kind::count)
    out += fmt::format(", {} to {}", field.bounds.low, field.bounds.high);
  return out;
}

std::string default_cell(const Field& field) {
  switch (field.presence) {
    case Presence::required:
      return "**required**";
    case Presence::inherited:
      return escaped(field.otherwise);
    case Presence::defaulted: {
      const bool mapping =
          field.shape().kind == Shape::Kind::object && field.shape().object().word.empty();
      return mapping ? "" : fmt::format("`{}`", escaped(flow(field.otherwise_value())));
    }
    default:
      return "";
  }
}

void append_object(const Place& place, std::string& out) {
  const Object& object = *place.object;
  std::string title;
  for (const std::string& path : place.paths)
    title += fmt::format("{}`{}`", title.empty() ? "" : ", ", path);
  out += fmt::format("## {}\n\n{}", place.paths[0].empty() ? "The file" : title, object.doc);
  const auto words = [&](const std::vector<std::string_view>& keys) {
    std::string list;
    for (const std::string_view key : keys)
      list += fmt::format("{}`{}`", list.empty() ? "" : ", ", key);
    return list;
  };
  if (!object.one_of.empty()) out += fmt::format(" Exactly one of {}.", words(object.one_of));
  if (!object.any_of.empty()) out += fmt::format(" At least one of {}.", words(object.any_of));
  if (!object.at_most_one.empty())
    out += fmt::format(" At most one of {}.", words(object.at_most_one));
  if (!object.shorthand.empty())
    out += fmt::format(" A single value stands for `{{{}: …}}`.", object.shorthand);
  out += "\n\n| key | value | default | what it says | example |\n|---|---|---|---|---|\n";
  for (const Field& field : object.fields) {
    if (!is_key(field)) continue;
    out += fmt::format("| `{}` | {} | {} | {} | `{}` |\n", field.key, escaped(value_cell(field)),
                       default_cell(field), escaped(field.doc), escaped(field.example));
  }
  out += "\n";
}

constexpr std::string_view kIntroduction = R"(# Configuration: every key

This page is made from the table that the decoder itself works with (`src/config/schema.cc`); a test keeps it current.
`weir init` writes a file to start from, `weir check FILE` says what is wrong with one, `weir show --effective` prints
it with every default filled in.

A configuration is YAML 1.2 or JSON: one file, or a folder whose `*.yaml`, `*.yml` and `*.json` are read in the order of
their names. Lists join; a name or a single setting that is given twice is an error with both places. Unknown keys,
duplicate keys, tags and merge keys (`<<`) are errors; aliases are expanded within a bound.

| value | is written | |
|---|---|---|
| duration | `250ms` `10s` `5m` `24h` | a whole number and one unit; above zero; `none` where a key may go without |
| rate | `60/s` `0.6/s` `30/min` `1000/h` | exact to thousandths; above zero |
| size | `512B` `16KiB` `4MiB` `2GiB` | a whole number and one unit; above zero |
| network | `10.0.0.0/8` `2001:db8::/32` `192.0.2.7` | |
| true or false | `true` `false` | nothing else: `no`, `off` and `0` are not false |

Zero never means infinite. Paths of files are relative to the file that names them. Secrets never stand in the
configuration; it names the file that holds them.

)";

void append_rules(std::string& out) {
  out += "## What `weir check` says\n\n| rule | severity | meaning |\n|---|---|---|\n";
  for (const RuleInfo& rule : all_rules()) {
    out += fmt::format("| `{}` | {} | {} |\n", rule.id,
                       rule.severity == Severity::error ? "error" : "warning", rule.meaning);
  }
}

// --- the schema -------------------------------------------------------------------------------

std::string slug(std::string_view name) {
  std::string out;
  for (const std::string_view article : {"a ", "an ", "the "}) {
    if (name.starts_with(article)) name.remove_prefix(article.size());
  }
  for (const char c : name) out += c == ' ' ? '_' : c;
  return out;
}

void append_shape(JsonWriter& json, const Shape& shape, const Bounds& bounds);

void append_text_shape(JsonWriter& json, const Shape& shape) {
  const auto words = [&] {
    json.key("enum").begin_array();
    for (const std::string_view word : shape.words) json.value(word);
    json.end_array();
  };
  const auto pattern = [&] {
    json.field("type", "string");
    if (!shape.pattern.empty()) json.field("pattern", shape.pattern);
  };
  if (shape.words.empty()) return pattern();
  if (shape.pattern.empty()) return words();
  json.key("anyOf").begin_array().begin_object();
  words();
  json.end_object().begin_object();
  pattern();
  json.end_object().end_array();
}

void append_list_shape(JsonWriter& json, const Shape& shape, const Bounds& bounds) {
  json.field("type", "array");
  json.key("items").begin_object();
  append_shape(json, shape.element(), bounds);
  json.end_object();
  json.field("minItems", bounds.low).field("maxItems", bounds.high);
}

// Inside of an object that is begun.
void append_shape(JsonWriter& json, const Shape& shape, const Bounds& bounds) {
  switch (shape.kind) {
    case Shape::Kind::text:
      return append_text_shape(json, shape);
    case Shape::Kind::boolean:
      json.field("type", "boolean");
      return;
    case Shape::Kind::count:
      json.field("type", "integer").field("minimum", bounds.low).field("maximum", bounds.high);
      return;
    case Shape::Kind::list:
      return append_list_shape(json, shape, bounds);
    case Shape::Kind::headers:
      json.field("type", "object");
      json.key("additionalProperties").begin_object().field("type", "string").end_object();
      json.field("maxProperties", bounds.high);
      return;
    case Shape::Kind::pair:
      json.field("type", "object").key("propertyNames").begin_object().field("pattern", shape.pattern).end_object();
      json.key("additionalProperties").begin_object();
      append_shape(json, shape.element(), {});
      json.end_object().field("minProperties", std::uint64_t{1}).field("maxProperties", std::uint64_t{1});
      return;
    case Shape::Kind::one_or_list:
      json.key("anyOf").begin_array().begin_object();
      append_shape(json, shape.element(), bounds);
      json.end_object().begin_object();
      append_list_shape(json, shape, bounds);
      json.end_object().end_array();
      return;
    case Shape::Kind::object:
      break;
  }
  const Object& object = shape.object();
  json.key("anyOf").begin_array().begin_object();
  json.field("$ref", fmt::format("#/definitions/{}", slug(object.name)));
  json.end_object();
  if (!object.word.empty()) json.begin_object().field("const", object.word).end_object();
  if (!object.shorthand.empty()) {
    const Field& field = *object.find(object.shorthand);
    json.begin_object();
    append_shape(json, field.shape(), field.bounds);
    json.end_object();
  }
  json.end_array();
}

void append_default(JsonWriter& json, const Field& field) {
  if (field.presence != Presence::defaulted) return;
  const Shape::Kind kind = field.shape().kind;
  const std::string text = field.otherwise_value().text;
  if (kind == Shape::Kind::boolean)
    json.field("default", text == "true");
  else if (kind == Shape::Kind::count)
    json.key("default").value(static_cast<std::uint64_t>(std::stoull(text)));
  else if (kind == Shape::Kind::text)
    json.field("default", text.starts_with('"') ? text.substr(1, text.size() - 2) : text);
}

void append_definition(JsonWriter& json, const Object& object) {
  json.field("type", "object")
      .field("description", object.doc)
      .field("additionalProperties", false);
  json.key("properties").begin_object();
  for (const Field& field : object.fields) {
    if (!is_key(field)) continue;
    json.key(field.key).begin_object();
    json.field("description", field.doc);
    append_shape(json, field.shape(), field.bounds);
    append_default(json, field);
    json.end_object();
  }
  json.end_object();
  json.key("required").begin_array();
  for (const Field& field : object.fields) {
    if (field.presence == Presence::required) json.value(field.key);
  }
  json.end_array();
  const auto one_required = [&](std::string_view name, const std::vector<std::string_view>& keys) {
    if (keys.empty()) return;
    json.key(name).begin_array();
    for (const std::string_view key : keys) {
      json.begin_object().key("required").begin_array().value(key).end_array().end_object();
    }
    json.end_array();
  };
  one_required("oneOf", object.one_of);
  one_required("anyOf", object.any_of);
  if (!object.at_most_one.empty()) {
    json.key("not").begin_object().key("required").begin_array();
    for (const std::string_view key : object.at_most_one) json.value(key);
    json.end_array().end_object();
  }
}

}  // namespace

std::string reference_text() {
  std::string out(kIntroduction);
  const std::vector<Place> places = all_places();
  for (const Place& place : places) append_object(place, out);
  out +=
      "## Not in this version\n\nThese keys are planned; until then they are an error, so that no "
      "file promises what is not done.\n\n| where | key | what |\n|---|---|---|\n";
  for (const Place& place : places) {
    for (const Field& field : place.object->fields) {
      if (field.presence != Presence::not_yet) continue;
      out += fmt::format("| {} | `{}` | {} |\n",
                         place.paths[0].empty() ? "the file" : fmt::format("`{}`", place.paths[0]),
                         field.key, field.doc);
    }
  }
  out += "\n";
  append_rules(out);
  return out;
}

std::string json_schema() {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("$schema", "http://json-schema.org/draft-07/schema#")
      .field("title", "weir configuration");
  json.key("definitions").begin_object();
  for (const Place& place : all_places()) {
    if (place.object == &root_object()) continue;
    json.key(slug(place.object->name)).begin_object();
    append_definition(json, *place.object);
    json.end_object();
  }
  json.end_object();
  append_definition(json, root_object());
  json.end_object();
  return out + "\n";
}

}  // namespace weir::config
