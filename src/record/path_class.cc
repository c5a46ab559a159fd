#include "record/path_class.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>

namespace weir::record {
namespace {

enum CharKind : std::uint8_t { kLetter = 1, kDigit = 2, kHexLetter = 4, kJoin = 8 };

constexpr std::array<std::uint8_t, 256> char_table() {
  std::array<std::uint8_t, 256> table{};
  for (char c = 'a'; c <= 'z'; ++c) {
    const std::uint8_t kind = c <= 'f' ? kLetter | kHexLetter : kLetter;
    table[static_cast<unsigned char>(c)] = kind;
    table[static_cast<unsigned char>(c - 'a' + 'A')] = kind;
  }
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = kDigit;
  for (const char c : {'-', '_', '.', '~'}) table[static_cast<unsigned char>(c)] = kJoin;
  return table;
}
constexpr std::array<std::uint8_t, 256> kChars = char_table();

std::uint8_t kind_of(char c) { return kChars[static_cast<unsigned char>(c)]; }

bool is_word(std::string_view segment) {
  if (segment.empty()) return true;
  if (segment.size() > 32 || kind_of(segment[0]) % 2 == 0) return false;
  bool plain = true;
  for (const char c : segment) plain = plain && (kind_of(c) & (kLetter | kJoin)) != 0;
  if (plain) return true;
  if (segment[0] != 'v' || segment.size() > 4) return false;
  return std::all_of(segment.begin() + 1, segment.end(), [](char c) { return kind_of(c) == kDigit; });
}

bool is_uuid(std::string_view segment) {
  if (segment.size() != 36) return false;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? segment[i] != '-' : (kind_of(segment[i]) & (kDigit | kHexLetter)) == 0) return false;
  }
  return true;
}

std::size_t spread(std::string_view segment) { return std::hash<std::string_view>{}(segment); }

}  // namespace

std::optional<SegmentClass> classify(std::string_view segment) {
  if (is_word(segment)) return std::nullopt;
  std::uint8_t seen = 0;
  bool hex = true;
  for (const char c : segment) {
    const std::uint8_t kind = kind_of(c);
    seen |= kind == 0 ? std::uint8_t{kJoin} : kind;
    hex = hex && (kind & (kDigit | kHexLetter)) != 0;
  }
  if (seen == kDigit) return SegmentClass::number;
  if (hex && segment.size() >= 8 && (seen & kDigit) != 0) return SegmentClass::hex;
  if (is_uuid(segment)) return SegmentClass::uuid;
  return SegmentClass::text;
}

Literals Literals::of(const Policy& policy) {
  std::vector<std::string> segments;
  for (const Route& route : policy.routes) {
    std::string_view path = route.match.path;
    while (!path.empty()) {
      path.remove_prefix(1);   // '/'
      const std::string_view segment = path.substr(0, path.find('/'));
      if (!is_word(segment)) segments.emplace_back(segment);
      path.remove_prefix(segment.size());
    }
  }
  return of(std::move(segments));
}

Literals Literals::of(std::vector<std::string> segments) {
  Literals literals;
  literals.segments_ = std::move(segments);
  std::ranges::sort(literals.segments_);
  literals.segments_.erase(std::ranges::unique(literals.segments_).begin(), literals.segments_.end());
  if (literals.segments_.empty()) return literals;
  literals.slots_.resize(std::bit_ceil(literals.segments_.size() * 2));
  const std::size_t mask = literals.slots_.size() - 1;
  for (std::size_t i = 0; i < literals.segments_.size(); ++i) {
    std::size_t at = spread(literals.segments_[i]) & mask;
    while (literals.slots_[at] != 0) at = (at + 1) & mask;
    literals.slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
  return literals;
}

bool Literals::has(std::string_view segment) const {
  if (slots_.empty()) return false;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = spread(segment) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    if (segments_[slots_[at] - 1] == segment) return true;
  }
  return false;
}

bool could_have_been(SegmentClass recorded, std::string_view segment, const Literals& kept) {
  return recorded == SegmentClass::rest || (classify(segment) == recorded && !kept.has(segment));
}

std::size_t generalise(std::string_view path, const Literals& kept, Paths paths, std::span<char, kMaxShapePath> out,
                       bool& generalised) {
  char* at = out.data();
  generalised = false;
  if (path.empty() || path[0] != '/') {   // "*" of OPTIONS
    const std::size_t size = std::min(path.size(), out.size());
    std::copy_n(path.begin(), size, at);
    return size;
  }
  std::size_t segments = 0;
  while (!path.empty()) {
    *at++ = '/';
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    // Two bytes stay free for "/" and the class byte of whatever follows.
    const std::size_t room = out.size() - static_cast<std::size_t>(at - out.data());
    if (++segments > kMaxSegments || room < segment.size() + 2) {
      *at++ = static_cast<char>(SegmentClass::rest);
      generalised = true;
      break;
    }
    const auto kind = paths == Paths::full ? std::nullopt : classify(segment);
    if (kind && !kept.has(segment)) {
      *at++ = static_cast<char>(*kind);
      generalised = true;
    } else {
      std::memcpy(at, segment.data(), segment.size());
      at += segment.size();
    }
  }
  return static_cast<std::size_t>(at - out.data());
}

}  // namespace weir::record
