// The one table of the configuration's language: every key with its type, default, example, bounds
// and explanation. From it come the decoder (decode.cc), the JSON Schema and the guide's key
// reference (reference.cc) and what `show --effective` prints, so none of them can
// say something else than the others.
//
// A Shape describes a kind of value, an Object a mapping, a Field one key of it; a Field reaches
// its Given<T> in the owning struct through plain functions, made from the member pointer in
// schema.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "config/yaml.h"

namespace weir::config {

class Decoder;
struct Object;

struct Shape {
  enum class Kind : std::uint8_t { text, count, boolean, list, one_or_list, object, headers, pair };
  Kind kind = Kind::text;
  std::string_view name;     // "duration", as the guide says it
  std::string_view pattern;  // ECMA 262, for the JSON Schema; "" none; pair: of its one key
  // Allowed besides the pattern; the only ones where there is no pattern.
  std::vector<std::string_view> words;
  const Shape& (*element)() = nullptr;  // list, one_or_list; pair: its value
  const Object& (*object)() = nullptr;  // object
};

enum class Presence : std::uint8_t {
  required,
  defaulted,  // the struct's initialiser is the default
  inherited,  // left out, it is worked out from other keys; Field::otherwise says how
  optional,   // left out, it means nothing
  not_yet,    // planned; an error in this version
  secret,     // would put a secret into the text; always an error
};

struct Bounds {
  std::uint64_t low = 0;  // counts: least value; lists: least length
  std::uint64_t high = 0;
};

struct Field {
  std::string_view key;
  Presence presence = Presence::optional;
  std::string_view doc = {};
  std::string_view example = {};    // as written in YAML
  std::string_view otherwise = {};  // inherited: what it is then; not_yet, secret: the remedy
  Bounds bounds = {};
  const Shape& (*shape)() = nullptr;
  void (*decode)(Decoder& decoder, const Node& value, const Field& field, void* owner) = nullptr;
  Span (*given)(const void* owner) = nullptr;  // where it was written; unknown: nowhere
  Yaml (*write)(const void* owner) = nullptr;
  Yaml (*otherwise_value)() = nullptr;  // what it is when it is left out
};

struct Object {
  std::string_view name;  // "listener", for messages
  std::string_view doc = {};
  std::vector<Field> fields;
  std::string_view shorthand = {};            // a single value stands for {shorthand: value}
  std::string_view word = {};                 // this word stands for {}
  std::vector<std::string_view> one_of = {};  // exactly one of these keys
  std::vector<std::string_view> at_most_one = {};
  std::vector<std::string_view> any_of = {};  // at least one of these keys
  const Field* find(std::string_view key) const;
};

const Object& root_object();
struct Spec;
Yaml write_root(const Spec& spec);

}  // namespace weir::config
