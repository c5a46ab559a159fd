// Codec<T> for the values that only files of cases and of drills have. Included by their tables alone.
#pragma once

#include "config/cases.h"
#include "config/codec.h"

namespace weir::config {

WEIR_PLAIN_CODEC(Moment, read_moment, print_moment, "time", "^(0|[0-9]+(us|ms|s|m|h))$");
WEIR_PLAIN_CODEC(Amount, read_amount, print_amount, "count or share", "^[0-9.]+%?$");

Read<std::string> read_case_name(std::string_view text);
Read<std::string> read_cause_word(std::string_view text);
WEIR_TEXT_CODEC(CaseName, read_case_name, "name of a case", "");
WEIR_TEXT_CODEC(CauseWord, read_cause_word, "cause", "^[a-z0-9_]+$");

template <>
struct Words<VerdictWord> {
  static constexpr std::array<std::pair<std::string_view, VerdictWord>, 2> kAll = {
      {{"allowed", VerdictWord::allowed}, {"refused", VerdictWord::refused}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<EvidenceResult> {
  static constexpr std::array<std::pair<std::string_view, EvidenceResult>, 5> kAll = {
      {{"valid", EvidenceResult::valid},
       {"unknown", EvidenceResult::unknown},
       {"expired", EvidenceResult::expired},
       {"malformed", EvidenceResult::malformed},
       {"untrusted", EvidenceResult::untrusted}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};

// Mappings whose keys are names of the configuration: {orders: 120}, {partner: acme}.
template <class Map, class Key, class Value>
struct MapCodec {
  static bool decode(Decoder& decoder, const Node& node, const Bounds& bounds, Map& out) {
    if (node.is_null()) return true;
    if (!decoder.mapping(node)) return false;
    const std::size_t count = node.children.size() / 2;
    if (count > bounds.high) {
      decoder.report(Rule::out_of_range, node, fmt::format("the mapping has {} entries", count),
                     fmt::format("at most {} may stand here", bounds.high));
      return false;
    }
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const Node& key = node.children[i];
      Given<Key> name{{}, key.at};
      Given<Value> value{{}, node.children[i + 1].at};
      if (!Codec<Key>::decode(decoder, key, {}, name.value)) continue;
      decoder.enter(key.text);
      if (Codec<Value>::decode(decoder, node.children[i + 1], {}, value.value))
        out.entries.emplace_back(std::move(name), std::move(value));
      decoder.leave();
    }
    return true;
  }
  static Yaml write(const Map& value) {
    Yaml out;
    for (const auto& [name, each] : value.entries)
      out.add_quoted(name.value.text, Codec<Value>::write(each.value));
    return out;
  }
};
template <>
struct Codec<AmountMap> : MapCodec<AmountMap, Word, Amount> {
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::headers,
                            .name = "mapping of names to counts or shares",
                            .pattern = {},
                            .words = {}};
    return made;
  }
};
template <>
struct Codec<CredentialMap> : MapCodec<CredentialMap, IdentityRef, CredentialSpec> {
  static const Shape& shape() {
    static const Shape made{.kind = Shape::Kind::headers,
                            .name = "mapping of identity rules to who is proved by them",
                            .pattern = {},
                            .words = {}};
    return made;
  }
};

}  // namespace weir::config
