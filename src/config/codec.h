// How each C++ type of spec.h is read from a node, written as YAML and described: Codec<T>::{decode, write, shape}.
// A codec that cannot read its node reports it and leaves the value alone. Included by schema.cc alone.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "config/decode.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/values.h"
#include "config/yaml.h"

namespace weir::config {

template <class T>
struct Codec;

template <class T>
const Object& object();   // of the struct T; schema.cc

// --- single values ---------------------------------------------------------------------------------------------------

template <class T>
bool take(Decoder& decoder, const Node& node, Read<T> read, T& out) {
  if (!read) {
    decoder.report(node, read.error());
    return false;
  }
  out = std::move(*read);
  return true;
}

inline Shape text_shape(std::string_view name, std::string_view pattern = {}, std::vector<std::string_view> words = {}) {
  return {.kind = Shape::Kind::text, .name = name, .pattern = pattern, .words = std::move(words)};
}

// A type with a reader, a printer, a name and a pattern.
template <class T, auto read, auto print>
struct ValueCodec {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, T& out) {
    return decoder.text(node, Codec<T>::shape().name) && take(decoder, node, read(node.text), out);
  }
  static Yaml write(const T& value) { return Yaml::quoted(print(value)); }
};

#define WEIR_VALUE_CODEC(type, read, print, name, pattern)       \
  template <>                                                    \
  struct Codec<type> : ValueCodec<type, read, print> {           \
    static const Shape& shape() {                                \
      static const Shape made = text_shape(name, pattern);       \
      return made;                                               \
    }                                                            \
  }

inline std::string print_plain_word(std::string_view text) { return std::string(text); }
inline std::string print_socket(const SocketAddress& value) { return to_string(value); }
inline std::string print_net(const Net& value) { return to_string(value); }
inline std::string print_endpoint(const EndpointAddress& value) { return value.written; }
inline std::string print_size_rate(const SizeRate& value) { return print_size(value.per_second) + "/s"; }
inline Read<SizeRate> read_size_rate_value(std::string_view text) {
  const auto bytes = read_size_rate(text);
  if (!bytes) return std::unexpected(bytes.error());
  return SizeRate{*bytes};
}

// What is written without quotes although it begins with a digit: nothing takes 10s or 60/s for a number.
template <class T, auto read, auto print>
struct PlainCodec : ValueCodec<T, read, print> {
  static Yaml write(const T& value) { return Yaml::word(print(value)); }
};

#define WEIR_PLAIN_CODEC(type, read, print, name, pattern)       \
  template <>                                                    \
  struct Codec<type> : PlainCodec<type, read, print> {           \
    static const Shape& shape() {                                \
      static const Shape made = text_shape(name, pattern);       \
      return made;                                               \
    }                                                            \
  }

WEIR_PLAIN_CODEC(Nanos, read_duration, print_duration, "duration", "^[0-9]+(ms|s|m|h)$");
WEIR_PLAIN_CODEC(Rate, read_rate, print_rate, "rate", "^[0-9]+(\\.[0-9]{1,3})?/(s|min|h)$");
WEIR_PLAIN_CODEC(Bytes, read_size, print_size, "size", "^[0-9]+(B|KiB|MiB|GiB)$");
WEIR_PLAIN_CODEC(SizeRate, read_size_rate_value, print_size_rate, "size in a second", "^[0-9]+(B|KiB|MiB|GiB)/s$");
WEIR_VALUE_CODEC(SocketAddress, read_listen_address, print_socket, "address to listen on", "^(unix:/.+|.*:[0-9]+)$");
WEIR_VALUE_CODEC(EndpointAddress, read_endpoint_address, print_endpoint, "address to call", "^(unix:/.+|.+:[0-9]+)$");
WEIR_VALUE_CODEC(Net, read_net, print_net, "network", "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$");
WEIR_VALUE_CODEC(PathPattern, read_path_pattern, print_path_pattern, "path pattern", "^/[^?#*]*(/?\\*)?$");

template <>
struct Codec<bool> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, bool& out) {
    if (!decoder.text(node, shape().name)) return false;
    if (!node.quoted && (node.text == "true" || node.text == "false")) {
      out = node.text == "true";
      return true;
    }
    decoder.report(node, {fmt::format("{} is neither true nor false", quote(node.text)), "write true or false", {}});
    return false;
  }
  static Yaml write(bool value) { return Yaml::word(value ? "true" : "false"); }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::boolean, .name = "true or false", .pattern = {}, .words = {}};
    return made;
  }
};

template <>
struct Codec<std::uint64_t> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, std::uint64_t& out) {
    return decoder.text(node, shape().name) && take(decoder, node, read_count(node.text, bounds.low, bounds.high), out);
  }
  static Yaml write(std::uint64_t value) { return Yaml::word(fmt::format("{}", value)); }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::count, .name = "whole number", .pattern = {}, .words = {}};
    return made;
  }
};

// A value, or the word none.
template <class T>
struct Codec<std::optional<T>> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, std::optional<T>& out) {
    if (!decoder.text(node, shape().name)) return false;
    if (node.text == "none") {
      out.reset();
      return true;
    }
    T value{};
    if (!Codec<T>::decode(decoder, node, bounds, value)) return false;
    out = value;
    return true;
  }
  static Yaml write(const std::optional<T>& value) { return value ? Codec<T>::write(*value) : Yaml::word("none"); }
  static const Shape& shape() {
    static const std::string name = fmt::format("{}, or none", Codec<T>::shape().name);
    static const Shape made = text_shape(name, Codec<T>::shape().pattern, {"none"});
    return made;
  }
};

// --- texts -----------------------------------------------------------------------------------------------------------

template <class Tag, auto read>
struct TextCodec {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, Text<Tag>& out) {
    return decoder.text(node, Codec<Text<Tag>>::shape().name) && take(decoder, node, read(node.text), out.text);
  }
  static Yaml write(const Text<Tag>& value) { return Yaml::quoted(value.text); }
};

#define WEIR_TEXT_CODEC(type, read, name, pattern)               \
  template <>                                                    \
  struct Codec<type> : TextCodec<struct type##Text, read> {      \
    static const Shape& shape() {                                \
      static const Shape made = text_shape(name, pattern);       \
      return made;                                               \
    }                                                            \
  }

inline constexpr std::string_view kNamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";
inline constexpr std::string_view kTokenPattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

Read<std::string> read_log_path(std::string_view text);
Read<std::string> read_file_path(std::string_view text);
Read<std::string> read_free_text(std::string_view text);

WEIR_TEXT_CODEC(Name, read_name, "name", kNamePattern);
WEIR_TEXT_CODEC(IdentityRef, read_name, "name of an identity", kNamePattern);
WEIR_TEXT_CODEC(LimitRef, read_name, "name of a limit", kNamePattern);
WEIR_TEXT_CODEC(UpstreamRef, read_name, "name of an upstream", kNamePattern);
WEIR_TEXT_CODEC(HostPattern, read_host_pattern, "host", "^(\\*\\.)?[A-Za-z0-9_.:\\[\\]-]+$");
WEIR_TEXT_CODEC(Path, read_path, "path", "^/[^?#]*$");
WEIR_TEXT_CODEC(Method, read_method, "method", kTokenPattern);
WEIR_TEXT_CODEC(HeaderName, read_header_name, "header name", kTokenPattern);
WEIR_TEXT_CODEC(HeaderValue, read_header_value, "text", "");
WEIR_TEXT_CODEC(QueryName, read_word, "query name", "");
WEIR_TEXT_CODEC(CallerPattern, read_word, "caller name, `*` for any run of characters", "");
WEIR_TEXT_CODEC(Word, read_word, "word", "^\\S+$");
WEIR_TEXT_CODEC(FilePath, read_file_path, "path of a file", "");
WEIR_TEXT_CODEC(LogPath, read_log_path, "path of a file, `-` or `off`", "");
WEIR_TEXT_CODEC(FreeText, read_free_text, "text", "");

template <>
struct Codec<KeyPartSpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, KeyPartSpec& out);
  static Yaml write(const KeyPartSpec& value);
  static const Shape& shape();
};

// --- words -----------------------------------------------------------------------------------------------------------

template <class E>
struct Words;   // static constexpr std::array<std::pair<std::string_view, E>, n> kAll; kNotYet: array of string_view

template <class E>
  requires std::is_enum_v<E>
struct Codec<E> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, E& out) {
    if (!decoder.text(node, shape().name)) return false;
    for (const auto& [word, value] : Words<E>::kAll) {
      if (node.text != word) continue;
      out = value;
      return true;
    }
    report(decoder, node);
    return false;
  }
  static void report(Decoder& decoder, const Node& node) {
    std::string all;
    for (const auto word : shape().words) all += (all.empty() ? "" : word == shape().words.back() ? " or " : ", ") + std::string(word);
    for (const std::string_view word : Words<E>::kNotYet) {
      if (node.text == word) {
        return decoder.report(Rule::not_in_this_version, node, fmt::format("{} is not in this version", quote(word)),
                              fmt::format("write {}", all));
      }
    }
    const std::string_view near = nearest(node.text, shape().words);
    decoder.report(node, {fmt::format("{} is not one of the words that may stand here", quote(node.text)),
                          near.empty() ? fmt::format("write {}", all) : fmt::format("did you mean {}? ({})", near, all), {}});
  }
  static Yaml write(E value) {
    for (const auto& [word, known] : Words<E>::kAll) {
      if (known == value) return Yaml::word(std::string(word));
    }
    return Yaml::word("");
  }
  static const Shape& shape() {
    static const Shape made = [] {
      Shape shape{.kind = Shape::Kind::text, .name = "word", .pattern = {}, .words = {}};
      for (const auto& [word, value] : Words<E>::kAll) shape.words.push_back(word);
      return shape;
    }();
    return made;
  }
};

// --- several ---------------------------------------------------------------------------------------------------------

template <class T>
void decode_element(Decoder& decoder, const Node& node, std::size_t index, const Bounds& bounds, List<T>& out) {
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
    static const Shape made{.kind = Shape::Kind::list, .name = name, .pattern = {}, .words = {}, .element = &Codec<T>::shape};
    return made;
  }
};

template <>
struct Codec<KeySpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, KeySpec& out) {
    if (node.is_sequence()) return Codec<List<KeyPartSpec>>::decode(decoder, node, bounds, out.parts);
    KeyPartSpec part;
    if (!Codec<KeyPartSpec>::decode(decoder, node, bounds, part)) return false;
    out.parts.push_back({std::move(part), node.at});
    return true;
  }
  static Yaml write(const KeySpec& value) {
    return value.parts.size() == 1 ? Codec<KeyPartSpec>::write(value.parts[0].value) : write_list(value.parts);
  }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::one_or_list, .name = "key, or list of keys", .pattern = {}, .words = {},
                            .element = &Codec<KeyPartSpec>::shape};
    return made;
  }
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
    const bool always = field.presence == Presence::required || field.presence == Presence::defaulted ||
                        field.presence == Presence::inherited;
    if (field.write != nullptr && (always || field.given(&value).known())) out.add(field.key, field.write(&value));
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
    const auto given = [&](const Field& field) { return field.given != nullptr && field.given(&value).known(); };
    if (!table.word.empty() && std::none_of(table.fields.begin(), table.fields.end(), given)) {
      return Yaml::word(std::string(table.word));
    }
    return write_object(table, value);
  }
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::object, .name = object<T>().name, .pattern = {}, .words = {},
                            .element = nullptr, .object = &object<T>};
    return made;
  }
};

// --- fields ----------------------------------------------------------------------------------------------------------

template <class T>
struct Inner;
template <class T>
struct Inner<Given<T>> {
  using type = T;
};

struct Docs {   // doc, example, and what happens otherwise
  std::string_view doc, example = {}, otherwise = {};
};

template <class Owner, auto member>
Field field(std::string_view key, Presence presence, Docs words, Bounds bounds = {}) {
  using T = typename Inner<std::remove_cvref_t<decltype(std::declval<Owner&>().*member)>>::type;
  Field made{.key = key, .presence = presence, .doc = words.doc, .example = words.example,
             .otherwise = words.otherwise, .bounds = bounds, .shape = &Codec<T>::shape};
  made.decode = [](Decoder& decoder, const Node& node, const Field& self, void* owner) {
    Given<T>& given = static_cast<Owner*>(owner)->*member;
    if (Codec<T>::decode(decoder, node, self.bounds, given.value)) given.at = node.at;
  };
  made.given = [](const void* owner) { return (static_cast<const Owner*>(owner)->*member).at; };
  made.write = [](const void* owner) { return Codec<T>::write((static_cast<const Owner*>(owner)->*member).value); };
  made.otherwise_value = [] { return Codec<T>::write((Owner{}.*member).value); };
  return made;
}

inline Field later(std::string_view key, std::string_view doc, std::string_view remedy = "remove the key") {
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
