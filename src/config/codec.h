// How each C++ type of spec.h is read from a node, written as YAML and described:
// Codec<T>::{decode, write, shape}. A codec that cannot read its node reports it and leaves the
// value alone. Included by the tables (schema*.cc) alone.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/codec_values.h"
#include "config/decode.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"

namespace weir::config {

template <class T>
const Object& object();  // of the struct T; schema.cc

template <class T>
void decode_element(Decoder& decoder, const Node& node, std::size_t index, const Bounds& bounds,
                    List<T>& out) {
  decoder.enter(node, index);
  Given<T> element;
  const bool good = Codec<T>::decode(decoder, node, bounds, element.value);
  element.at = node.at;
  // A struct is kept with what could be read of it: others may refer to its name.
  if (good || Codec<T>::shape().kind == Shape::Kind::object) out.push_back(std::move(element));
  decoder.leave();
}

template <class T>
Yaml write_list(const List<T>& list) {
  Yaml out = Yaml::list();
  for (const auto& element : list) out.add(Codec<T>::write(element.value));
  return out;
}

template <class T>
struct Codec<List<T>> {
  // Appends: the lists of several files join.
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, List<T>& out) {
    if (!decoder.list(node, *decoder.field())) return false;
    out.reserve(out.size() + node.children.size());
    std::size_t index = out.size();
    for (const Node& child : node.children) decode_element(decoder, child, index++, bounds, out);
    return true;
  }
  static Yaml write(const List<T>& value) { return write_list(value); }
  static const Shape& shape() {
    static const std::string name = fmt::format("list: {}", Codec<T>::shape().name);
    static const Shape made{.kind = Shape::Kind::list,
                            .name = name,
                            .pattern = {},
                            .words = {},
                            .element = &Codec<T>::shape};
    return made;
  }
};

template <>
struct Codec<KeySpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, KeySpec& out) {
    if (node.is_sequence())
      return Codec<List<KeyPartSpec>>::decode(decoder, node, bounds, out.parts);
    KeyPartSpec part;
    if (!Codec<KeyPartSpec>::decode(decoder, node, bounds, part)) return false;
    out.parts.push_back({std::move(part), node.at});
    return true;
  }
  static Yaml write(const KeySpec& value) {
    return value.parts.size() == 1 ? Codec<KeyPartSpec>::write(value.parts[0].value)
                                   : write_list(value.parts);
  }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::one_or_list,
                            .name = "key, or list of keys",
                            .pattern = {},
                            .words = {},
                            .element = &Codec<KeyPartSpec>::shape};
    return made;
  }
};

template <>
struct Codec<CanaryStepSpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, CanaryStepSpec& out);
  static Yaml write(const CanaryStepSpec& value);
  static const Shape& shape();
};

template <>
struct Codec<CanarySpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, CanarySpec& out);
  static Yaml write(const CanarySpec& value);
  static const Shape& shape();
};

template <>
struct Codec<HeaderMap> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, HeaderMap& out);
  static Yaml write(const HeaderMap& value);
  static const Shape& shape();
};

// Any struct with a table.
template <class T>
Yaml write_object(const Object& table, const T& value) {
  Yaml out;
  for (const Field& field : table.fields) {
    const bool always = field.presence == Presence::required ||
                        field.presence == Presence::defaulted ||
                        field.presence == Presence::inherited;
    if (field.write != nullptr && (always || field.given(&value).known()))
      out.add(field.key, field.write(&value));
  }
  return out;
}

template <class T>
struct Codec {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, T& out) {
    decoder.decode_object(object<T>(), node, &out);
    return true;
  }
  static Yaml write(const T& value) {
    const Object& table = object<T>();
    const auto given = [&](const Field& field) {
      return field.given != nullptr && field.given(&value).known();
    };
    if (!table.word.empty() && std::none_of(table.fields.begin(), table.fields.end(), given)) {
      return Yaml::word(std::string(table.word));
    }
    return write_object(table, value);
  }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::object,
                            .name = object<T>().name,
                            .pattern = {},
                            .words = {},
                            .element = nullptr,
                            .object = &object<T>};
    return made;
  }
};

// --- fields -----------------------------------------------------------------------------------

template <class T>
struct Inner;
template <class T>
struct Inner<Given<T>> {
  using type = T;
};

struct Docs {  // doc, example, and what happens otherwise
  std::string_view doc, example = {}, otherwise = {};
};

template <class Owner, auto member>
Field field(std::string_view key, Presence presence, Docs words, Bounds bounds = {}) {
  using T = typename Inner<std::remove_cvref_t<decltype(std::declval<Owner&>().*member)>>::type;
  Field made{.key = key,
             .presence = presence,
             .doc = words.doc,
             .example = words.example,
             .otherwise = words.otherwise,
             .bounds = bounds,
             .shape = &Codec<T>::shape};
  made.decode = [](Decoder& decoder, const Node& node, const Field& self, void* owner) {
    Given<T>& given = static_cast<Owner*>(owner)->*member;
    if (Codec<T>::decode(decoder, node, self.bounds, given.value)) given.at = node.at;
  };
  made.given = [](const void* owner) { return (static_cast<const Owner*>(owner)->*member).at; };
  made.write = [](const void* owner) {
    return Codec<T>::write((static_cast<const Owner*>(owner)->*member).value);
  };
  made.otherwise_value = [] { return Codec<T>::write((Owner{}.*member).value); };
  return made;
}

inline Field later(std::string_view key, std::string_view doc,
                   std::string_view remedy = "remove the key") {
  Field made;
  made.key = key;
  made.presence = Presence::not_yet;
  made.doc = doc;
  made.otherwise = remedy;
  return made;
}
inline Field no_secret(std::string_view key, std::string_view remedy) {
  Field made;
  made.key = key;
  made.presence = Presence::secret;
  made.otherwise = remedy;
  return made;
}

}  // namespace weir::config
