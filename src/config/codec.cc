#include "config/codec.h"

#include <algorithm>

#include "config/complaint.h"

namespace weir::config {

Read<std::string> read_file_path(std::string_view text) {
  constexpr std::size_t kLongest = 4095;  // PATH_MAX without its NUL
  if (!text.empty() && text.size() <= kLongest && text.find('\0') == std::string_view::npos)
    return std::string(text);
  return std::unexpected(
      Complaint{fmt::format("{} is not a path", quote(text)), "write the path of a file", {}});
}
Read<std::string> read_log_path(std::string_view text) {
  if (text == "none" || text == "false") {
    return std::unexpected(
        Complaint{fmt::format("{} is not a path", quote(text)), "write off for no access log", {}});
  }
  return read_file_path(text);
}
Read<std::string> read_free_text(std::string_view text) {
  constexpr std::size_t kLongest = 64 * 1024;
  if (text.size() <= kLongest) return std::string(text);
  return std::unexpected(Complaint{fmt::format("a text of {} bytes", text.size()),
                                   "write at most 64KiB; serve more from an upstream",
                                   Complaint::Kind::range});
}

bool Codec<KeyPartSpec>::decode(Decoder& decoder, const Node& node, const Bounds&,
                                KeyPartSpec& out) {
  static const std::vector<std::string_view> kSimple = {"all", "caller", "client_ip", "client_net",
                                                        "route"};
  constexpr std::string_view kHeader = "header:", kQuery = "query:";
  if (node.is_mapping() && node.children.size() == 2 && node.children[0].text == "header") {
    decoder.report(Rule::bad_value, node, "a space stands behind the colon of header:NAME",
                   "write header:X-Tenant in one word");
    return false;
  }
  if (!decoder.text(node, shape().name)) return false;
  for (std::size_t i = 0; i < kSimple.size(); ++i) {
    if (node.text != kSimple[i]) continue;
    out = {.kind = static_cast<KeyKind>(i), .name = {}};
    return true;
  }
  const bool header = node.text.starts_with(kHeader), query = node.text.starts_with(kQuery);
  if (header || query) {
    const std::string_view name = node.text.substr(header ? kHeader.size() : kQuery.size());
    out.kind = header ? KeyKind::header : KeyKind::query;
    if (!take(decoder, node, header ? read_header_name(name) : read_word(name), out.name))
      return false;
    if (header) {
      for (char& c : out.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return true;
  }
  constexpr std::string_view kAll =
      "all, caller, client_ip, client_net, route, header:NAME or query:NAME";
  const std::string_view near = nearest(node.text, kSimple);
  decoder.report(node,
                 {fmt::format("{} is nothing that requests can be counted by", quote(node.text)),
                  near.empty() ? fmt::format("write {}", kAll)
                               : fmt::format("did you mean {}? ({})", near, kAll),
                  {}});
  return false;
}
Yaml Codec<KeyPartSpec>::write(const KeyPartSpec& value) {
  constexpr std::string_view kWords[] = {"all",   "caller",  "client_ip", "client_net",
                                         "route", "header:", "query:"};
  return Yaml::quoted(std::string(kWords[static_cast<std::size_t>(value.kind)]) + value.name);
}
const Shape& Codec<KeyPartSpec>::shape() {
  static const Shape made = text_shape("key", "^(header|query):\\S+$",
                                       {"all", "caller", "client_ip", "client_net", "route"});
  return made;
}

bool Codec<HeaderMap>::decode(Decoder& decoder, const Node& node, const Bounds& bounds,
                              HeaderMap& out) {
  if (node.is_null()) return true;
  if (!decoder.mapping(node)) return false;
  if (node.children.size() / 2 > bounds.high) {
    decoder.report(Rule::out_of_range, node,
                   fmt::format("{} headers are given", node.children.size() / 2),
                   fmt::format("at most {} may stand here", bounds.high));
    return false;
  }
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Given<HeaderName> name{{}, node.children[i].at};
    Given<HeaderValue> value{{}, node.children[i + 1].at};
    if (!Codec<HeaderName>::decode(decoder, node.children[i], {}, name.value)) continue;
    decoder.enter(node.children[i].text);
    if (Codec<HeaderValue>::decode(decoder, node.children[i + 1], {}, value.value)) {
      out.entries.emplace_back(std::move(name), std::move(value));
    }
    decoder.leave();
  }
  return true;
}
Yaml Codec<HeaderMap>::write(const HeaderMap& value) {
  Yaml out;
  for (const auto& [name, text] : value.entries)
    out.add_quoted(name.value.text, Codec<HeaderValue>::write(text.value));
  return out;
}
const Shape& Codec<HeaderMap>::shape() {
  static const Shape made{.kind = Shape::Kind::headers,
                          .name = "mapping of header names to texts",
                          .pattern = {},
                          .words = {}};
  return made;
}

}  // namespace weir::config
