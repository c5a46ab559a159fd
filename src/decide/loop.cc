#include "decide/loop.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/hex.h"
#include "model/request_id.h"

namespace weir::decide {
namespace {

constexpr std::string_view kHops = "hops=", kSeal = "seal=";
constexpr std::size_t kIdDigits = 12, kSealDigits = 16;   // an InstallationId has 48 bits

std::string hex(std::uint64_t value, std::size_t digits) {
  std::string text(kSealDigits, '0');
  put_hex(text.data(), value);
  return text.substr(kSealDigits - digits);
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The part of `rest` before the first `separator`, without the spaces around it; `rest` goes on behind it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part);
}

// The word that `rest` begins with; `rest` goes on at what follows.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

// 0 for what is no number.
std::uint64_t number(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return error == std::errc() && end == digits.data() + digits.size() ? value : 0;
}

}  // namespace

LoopMarks::LoopMarks(HashKey key) : id_("weir-" + hex(InstallationId::of(key).value, kIdDigits)) {
  const HashKey sealing{.k0 = keyed_hash(key, "loop seal, low"), .k1 = keyed_hash(key, "loop seal, high")};
  for (std::size_t i = 0; i < marks_.size(); ++i) {
    const std::array<std::uint64_t, 1> hops{i + 1};
    marks_[i].seal = keyed_hash(sealing, std::span<const std::uint64_t>(hops));
    marks_[i].text = id_ + "; hops=" + std::to_string(i + 1) + "; seal=" + hex(marks_[i].seal, kSealDigits);
  }
}

std::string_view LoopMarks::mark(std::uint8_t hops) const {
  return marks_[std::min<std::size_t>(hops, marks_.size() - 1)].text;
}

bool LoopMarks::is_sealed(std::uint64_t hops, std::uint64_t seal) const {
  return hops >= 1 && hops <= marks_.size() && marks_[hops - 1].seal == seal;
}

void HopCount::cdn_loop(std::string_view value) {
  while (!value.empty()) {
    std::string_view element = take(value, ',');
    if (!element.starts_with(marks_.id())) continue;
    element.remove_prefix(marks_.id().size());
    if (!element.empty() && element.front() != ';' && !is_space(element.front())) continue;   // a longer name
    ++elements_;
    std::uint64_t hops = 0, seal = 0;
    while (!element.empty()) {
      const std::string_view parameter = take(element, ';');
      if (parameter.starts_with(kHops)) hops = number(parameter.substr(kHops.size()), 10);
      if (parameter.starts_with(kSeal)) seal = number(parameter.substr(kSeal.size()), 16);
    }
    if (marks_.is_sealed(hops, seal)) sealed_ = std::max(sealed_, hops);
  }
}

// 1.1 weir (weir-3f2a9c1d5e6b). Comments may be removed on the way (RFC 9110 7.6.3), so our name alone is ours; with
// another comment it is somebody else's of that name.
void HopCount::via(std::string_view value) {
  while (!value.empty()) {
    std::string_view entry = take(value, ',');
    take_word(entry);   // the protocol
    if (take_word(entry) != via_name_) continue;
    const bool ours = entry.size() == marks_.id().size() + 2 && entry.front() == '(' && entry.back() == ')' &&
                      entry.substr(1, marks_.id().size()) == marks_.id();
    if (entry.empty() || ours) ++entries_;
  }
}

std::uint8_t HopCount::hops() const {
  return static_cast<std::uint8_t>(
      std::min<std::uint64_t>(std::max({sealed_, elements_, entries_}), std::numeric_limits<std::uint8_t>::max()));
}

}  // namespace weir::decide
