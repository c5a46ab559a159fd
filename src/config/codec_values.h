// Codec<T> for single values: each is read by a reader of values.h and written so that it reads the
// same. The lists and mappings made of them are in codec.h.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/decode.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/values.h"
#include "config/words.h"
#include "config/yaml.h"

namespace weir::config {

// decode, write, shape; see codec.h.
template <class T>
struct Codec;

// --- single values ----------------------------------------------------------------------------

template <class T>
bool take(Decoder& decoder, const Node& node, Read<T> read, T& out) {
  if (!read) {
    decoder.report(node, read.error());
    return false;
  }
  out = std::move(*read);
  return true;
}

inline Shape text_shape(std::string_view name, std::string_view pattern = {},
                        std::vector<std::string_view> words = {}) {
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

#define WEIR_VALUE_CODEC(type, read, print, name, pattern) \
  template <>                                              \
  struct Codec<type> : ValueCodec<type, read, print> {     \
    static const Shape& shape() {                          \
      static const Shape made = text_shape(name, pattern); \
      return made;                                         \
    }                                                      \
  }

inline std::string print_plain_word(std::string_view text) { return std::string(text); }
inline std::string print_socket(const SocketAddress& value) { return to_string(value); }
inline std::string print_net(const Net& value) { return to_string(value); }
inline std::string print_endpoint(const EndpointAddress& value) { return value.written; }
inline std::string print_size_rate(const SizeRate& value) {
  return print_size(value.per_second) + "/s";
}
inline Read<SizeRate> read_size_rate_value(std::string_view text) {
  const auto bytes = read_size_rate(text);
  if (!bytes) return std::unexpected(bytes.error());
  return SizeRate{*bytes};
}

// What is written without quotes although it begins with a digit: nothing takes 10s or 60/s for a
// number.
template <class T, auto read, auto print>
struct PlainCodec : ValueCodec<T, read, print> {
  static Yaml write(const T& value) { return Yaml::word(print(value)); }
};

#define WEIR_PLAIN_CODEC(type, read, print, name, pattern) \
  template <>                                              \
  struct Codec<type> : PlainCodec<type, read, print> {     \
    static const Shape& shape() {                          \
      static const Shape made = text_shape(name, pattern); \
      return made;                                         \
    }                                                      \
  }

WEIR_PLAIN_CODEC(Nanos, read_duration, print_duration, "duration", "^[0-9]+(ms|s|m|h|d)$");
WEIR_PLAIN_CODEC(Rate, read_rate, print_rate, "rate", "^[0-9]+(\\.[0-9]{1,3})?/(s|min|h)$");

// A field without bounds takes what the reader takes.
template <>
struct Codec<Bytes> : PlainCodec<Bytes, read_size, print_size> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, Bytes& out) {
    if (!decoder.text(node, shape().name)) return false;
    auto read = read_size(node.text);
    if (read && bounds.high > 0 && (read->count < bounds.low || read->count > bounds.high)) {
      read = std::unexpected(
          Complaint{fmt::format("{} is not between {} and {}", quote(node.text),
                                print_size({bounds.low}), print_size({bounds.high})),
                    fmt::format("write a size from {} to {}", print_size({bounds.low}),
                                print_size({bounds.high})),
                    Complaint::Kind::range});
    }
    return take(decoder, node, std::move(read), out);
  }
  static const Shape& shape() {
    static const Shape made = text_shape("size", "^[0-9]+(B|KiB|MiB|GiB)$");
    return made;
  }
};
WEIR_PLAIN_CODEC(Share, read_share, print_share, "share", "^[0-9.]+%$");
WEIR_PLAIN_CODEC(StatusCode, read_status, print_status, "status", "^[2-5][0-9][0-9]$");
WEIR_PLAIN_CODEC(SizeRate, read_size_rate_value, print_size_rate, "size in a second",
                 "^[0-9]+(B|KiB|MiB|GiB)/s$");
WEIR_VALUE_CODEC(SocketAddress, read_listen_address, print_socket, "address and port, or unix:/path",
                 "^(unix:/.+|.*:[0-9]+)$");
WEIR_VALUE_CODEC(EndpointAddress, read_endpoint_address, print_endpoint, "address to call",
                 "^(unix:/.+|.+:[0-9]+)$");
WEIR_VALUE_CODEC(Net, read_net, print_net, "network", "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$");
WEIR_VALUE_CODEC(PathPattern, read_path_pattern, print_path_pattern, "path pattern",
                 "^/[^?#*]*(/?\\*)?$");

template <>
struct Codec<bool> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, bool& out) {
    if (!decoder.text(node, shape().name)) return false;
    if (!node.quoted && (node.text == "true" || node.text == "false")) {
      out = node.text == "true";
      return true;
    }
    decoder.report(
        node,
        {fmt::format("{} is neither true nor false", quote(node.text)), "write true or false", {}});
    return false;
  }
  static Yaml write(bool value) { return Yaml::word(value ? "true" : "false"); }
  static const Shape& shape() {
    static const Shape made{
        .kind = Shape::Kind::boolean, .name = "true or false", .pattern = {}, .words = {}};
    return made;
  }
};

template <>
struct Codec<std::uint64_t> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, std::uint64_t& out) {
    return decoder.text(node, shape().name) &&
           take(decoder, node, read_count(node.text, bounds.low, bounds.high), out);
  }
  static Yaml write(std::uint64_t value) { return Yaml::word(fmt::format("{}", value)); }
  static const Shape& shape() {
    static const Shape made{
        .kind = Shape::Kind::count, .name = "whole number", .pattern = {}, .words = {}};
    return made;
  }
};

// A value, or the word none.
template <class T>
struct Codec<std::optional<T>> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds,
                     std::optional<T>& out) {
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
  static Yaml write(const std::optional<T>& value) {
    return value ? Codec<T>::write(*value) : Yaml::word("none");
  }
  static const Shape& shape() {
    static const std::string name = fmt::format("{}, or none", Codec<T>::shape().name);
    static const Shape made = text_shape(name, Codec<T>::shape().pattern, {"none"});
    return made;
  }
};

// --- texts ------------------------------------------------------------------------------------

template <class Tag, auto read>
struct TextCodec {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, Text<Tag>& out) {
    return decoder.text(node, Codec<Text<Tag>>::shape().name) &&
           take(decoder, node, read(node.text), out.text);
  }
  static Yaml write(const Text<Tag>& value) { return Yaml::quoted(value.text); }
};

#define WEIR_TEXT_CODEC(type, read, name, pattern)          \
  template <>                                               \
  struct Codec<type> : TextCodec<struct type##Text, read> { \
    static const Shape& shape() {                           \
      static const Shape made = text_shape(name, pattern);  \
      return made;                                          \
    }                                                       \
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
WEIR_TEXT_CODEC(Target, read_target, "path and query", "^/[^#]*$");
WEIR_TEXT_CODEC(Method, read_method, "method", kTokenPattern);
WEIR_TEXT_CODEC(HeaderName, read_header_name, "header name", kTokenPattern);
WEIR_TEXT_CODEC(HeaderValue, read_header_value, "text", "");
WEIR_TEXT_CODEC(QueryName, read_word, "query name", "");
WEIR_TEXT_CODEC(CallerPattern, read_word, "caller name, `*` for any run of characters", "");
WEIR_TEXT_CODEC(Word, read_word, "word", "^\\S+$");
WEIR_TEXT_CODEC(Token, read_token, "word", kTokenPattern);
WEIR_TEXT_CODEC(FilePath, read_file_path, "path of a file", "");
WEIR_TEXT_CODEC(LogPath, read_log_path, "path of a file, `-` or `off`", "");
WEIR_TEXT_CODEC(FreeText, read_free_text, "text", "");

template <>
struct Codec<KeyPartSpec> {
  static bool decode(Decoder& decoder, const Node& node, const Bounds&, KeyPartSpec& out);
  static Yaml write(const KeyPartSpec& value);
  static const Shape& shape();
};

// --- words ------------------------------------------------------------------------------------

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
    for (const auto word : shape().words)
      all += (all.empty() ? "" : word == shape().words.back() ? " or " : ", ") + std::string(word);
    for (const std::string_view word : Words<E>::kNotYet) {
      if (node.text == word) {
        return decoder.report(Rule::not_in_this_version, node,
                              fmt::format("{} is not in this version", quote(word)),
                              fmt::format("write {}", all));
      }
    }
    const std::string_view near = nearest(node.text, shape().words);
    decoder.report(node,
                   {fmt::format("{} is not one of the words that may stand here", quote(node.text)),
                    near.empty() ? fmt::format("write {}", all)
                                 : fmt::format("did you mean {}? ({})", near, all),
                    {}});
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

}  // namespace weir::config
