// Names of fields. field_id is a perfect hash over length, first, middle and last letter, its
// multiplier searched for at compile time, and one comparison of at most three words: about 2 ns a
// name, known or not.
#include "http/fields.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

namespace weir::http {
namespace {

constexpr std::string_view kNames[] = {"",
                                       "connection",
                                       "content-length",
                                       "host",
                                       "keep-alive",
                                       "proxy-connection",
                                       "te",
                                       "trailer",
                                       "transfer-encoding",
                                       "upgrade",
                                       "expect",
                                       "via",
                                       "forwarded",
                                       "x-forwarded-for",
                                       "x-forwarded-host",
                                       "x-forwarded-proto",
                                       "x-request-id",
                                       "traceparent",
                                       "tracestate",
                                       "proxy-status",
                                       "proxy-authenticate",
                                       "proxy-authorization",
                                       "cdn-loop",
                                       "authorization",
                                       "user-agent",
                                       "content-type",
                                       "date",
                                       "server",
                                       "location",
                                       "retry-after",
                                       "cookie",
                                       "set-cookie",
                                       "accept",
                                       "accept-encoding",
                                       "content-encoding",
                                       "cache-control",
                                       "etag",
                                       "last-modified",
                                       "origin",
                                       "referer",
                                       "sec-websocket-key",
                                       "sec-websocket-version",
                                       "sec-websocket-accept",
                                       "sec-websocket-protocol",
                                       "sec-websocket-extensions"};
constexpr std::size_t kCount = std::size(kNames);
static_assert(kCount == static_cast<std::size_t>(FieldId::count_));

constexpr std::size_t kLongest = 24;  // sec-websocket-extensions
constexpr std::size_t kShortest = 2;  // te
static_assert(std::all_of(std::begin(kNames) + 1, std::end(kNames), [](std::string_view name) {
  return name.size() >= kShortest && name.size() <= kLongest;
}));

constexpr unsigned kSlotBits = 8;

constexpr std::uint32_t slot(const char* name, std::size_t size, std::uint32_t multiplier) {
  const auto letter = [&](std::size_t at) {
    return static_cast<std::uint32_t>(name[at] | 0x20) & 0xff;
  };
  const std::uint32_t key = static_cast<std::uint32_t>(size) << 24 | letter(0) << 16 |
                            letter(size / 2) << 8 | letter(size - 1);
  return (key * multiplier) >> (32 - kSlotBits);
}

consteval std::uint32_t find_multiplier() {
  for (std::uint32_t candidate = 0x9e3779b1u;; candidate += 2) {
    std::array<bool, 1u << kSlotBits> used{};
    bool free = true;
    for (std::size_t i = 1; i < kCount && free; ++i) {
      bool& taken = used[slot(kNames[i].data(), kNames[i].size(), candidate)];
      free = !taken;
      taken = true;
    }
    if (free) return candidate;
  }
}
constexpr std::uint32_t kMultiplier = find_multiplier();

consteval auto make_slots() {
  std::array<FieldId, 1u << kSlotBits> slots{};
  for (std::size_t i = 1; i < kCount; ++i) {
    slots[slot(kNames[i].data(), kNames[i].size(), kMultiplier)] = static_cast<FieldId>(i);
  }
  return slots;
}
constexpr auto kSlots = make_slots();

std::uint64_t word(const char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint32_t half(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Overlapping words instead of a loop. `known` is lower case letters and '-'. Or-ing 0x20 folds
// case; the only byte that it wrongly maps onto one of `known` is CR (onto '-'), which is no byte
// of a name (RFC 9110 5.1).
bool same_known(const char* name, const char* known, std::size_t size) {
  constexpr std::uint64_t kFold = 0x2020202020202020u;
  if (size >= 8) {
    std::uint64_t difference = (word(name) | kFold) ^ word(known);
    difference |= (word(name + size - 8) | kFold) ^ word(known + size - 8);
    if (size > 16) difference |= (word(name + 8) | kFold) ^ word(known + 8);
    return difference == 0;
  }
  constexpr auto kFoldHalf = static_cast<std::uint32_t>(kFold);
  if (size >= 4) {
    return (((half(name) | kFoldHalf) ^ half(known)) |
            ((half(name + size - 4) | kFoldHalf) ^ half(known + size - 4))) == 0;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if ((name[i] | 0x20) != known[i]) return false;
  }
  return true;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.size() < kShortest || name.size() > kLongest) return FieldId::other;
  const FieldId id = kSlots[slot(name.data(), name.size(), kMultiplier)];
  const std::string_view known = kNames[static_cast<std::size_t>(id)];
  if (known.size() != name.size() || !same_known(name.data(), known.data(), name.size()))
    return FieldId::other;
  return id;
}

std::string_view field_name(FieldId id) { return kNames[static_cast<std::size_t>(id)]; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t Fields::remove(FieldId id) {
  if (!present_.has(id)) return 0;
  return remove_if([id](const Field& field) { return field.id == id; });
}

std::size_t Fields::remove(std::string_view name) {
  if (find(name) == nullptr) return 0;
  return remove_if([name](const Field& field) { return same_name(field.name, name); });
}

const Field* Fields::find(FieldId id) const {
  if (!present_.has(id)) return nullptr;
  const auto found = std::find_if(items_.begin(), items_.begin() + size_,
                                  [id](const Field& f) { return f.id == id; });
  return found == items_.begin() + size_ ? nullptr : &*found;
}

const Field* Fields::find(std::string_view name) const {
  const auto same = [name](const Field& field) { return same_name(field.name, name); };
  const auto found = std::find_if(items_.begin(), items_.begin() + size_, same);
  return found == items_.begin() + size_ ? nullptr : &*found;
}

std::size_t Fields::count(FieldId id) const {
  if (!present_.has(id)) return 0;
  return static_cast<std::size_t>(std::count_if(items_.begin(), items_.begin() + size_,
                                                [id](const Field& f) { return f.id == id; }));
}

void Fields::copy(const Fields& other) {
  std::copy_n(other.items_.begin(), other.size_, items_.begin());
  size_ = other.size_;
  present_ = other.present_;
}

}  // namespace weir::http
