#include "foreign/layout.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "fmt/core.h"

namespace weir::foreign {
namespace {

// An odd number of backslashes before `place` escapes it.
bool is_escaped(const char* from, const char* place, Escape escape) {
  if (place == from || place[-1] != '\\') return false;
  if (escape == Escape::quote) return true;
  const char* at = place;
  while (at != from && at[-1] == '\\') --at;
  return (place - at) % 2 == 1;
}

bool is_time(Slot slot) {
  switch (slot) {
    case Slot::time_clf:
    case Slot::time_iso:
    case Slot::time_any:
    case Slot::time_s:
    case Slot::time_ms:
    case Slot::time_us:
    case Slot::date:
      return true;
    default:
      return false;
  }
}

bool is_count(Slot slot) { return slot == Slot::status || slot == Slot::bytes_in || slot == Slot::bytes_out; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A count as nearly all lines have it, digits up to what is behind it, and where it ends. nullptr: it is to be searched for.
const char* read_digits(const Item& item, const char* at, const char* end, std::uint64_t& count) {
  constexpr std::ptrdiff_t kMost = 19;   // digits that always fit
  const char* stop = at;
  for (count = 0; stop != end && is_digit(*stop); ++stop) count = count * 10 + static_cast<std::uint64_t>(*stop - '0');
  return stop != at && stop - at <= kMost && item.behind.at(stop, end) ? stop : nullptr;
}

// Where a time of the usual size or a lone "-" ends, which most are. nullptr: search.
const char* usual_end(const Item& item, const char* at, const char* end) {
  constexpr std::ptrdiff_t kTime = 26;   // 24/Jan/2022:16:51:02 +0000
  const char* stop = at;
  if (item.slot == Slot::time_clf) {
    if (end - at > kTime && at[2] == '/' && at[20] == ' ' && is_digit(at[25])) stop = at + kTime;
  } else if (end - at > 1 && *at == '-' && !item.behind.at(at, end)) {
    stop = at + 1;
  }
  return stop != at && item.behind.at(stop, end) ? stop : nullptr;
}

bool is_client(Slot slot) {
  return slot == Slot::client || slot == Slot::client_list || slot == Slot::client_port ||
         slot == Slot::clf_head;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

Literal::Literal(std::string text) : text_(std::move(text)) {
  const std::size_t size = std::min<std::size_t>(text_.size(), 8);
  std::memcpy(&word_, text_.data(), size);
  std::memset(&mask_, 0xff, size);
  if (!text_.empty()) first_.fill(text_[0]);
  if (text_.size() > 1) second_.fill(text_[1]);
}

bool Literal::at(const char* place, const char* end) const {
  if (end - place < 8 || text_.size() > 8) {
    return static_cast<std::size_t>(end - place) >= text_.size() &&
           std::memcmp(place, text_.data(), text_.size()) == 0;
  }
  std::uint64_t word;
  std::memcpy(&word, place, 8);
  return (word & mask_) == word_;
}

const char* Literal::find(const char* from, const char* end, const char* line, Escape escape,
                          bool& escaped) const {
  const char first = text_[0];
  const bool escapes = first == '"' && (escape == Escape::backslash || escape == Escape::quote);
  const auto ends_here = [&](const char* place) {
    if (escapes && is_escaped(from, place, escape)) return false;
    return text_.size() == 1 || at(place, end);
  };
  const auto load = [](const char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  const auto bits = [](__m128i low, __m128i high) {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(low)) |
           static_cast<std::uint32_t>(_mm_movemask_epi8(high)) << 16;
  };
  // 32 bytes a step, while one more can be read: most fields end in the first, so its branch is
  // foretold. The first two bytes of the literal are looked for at once.
  const bool pair = text_.size() > 1;
  const __m128i one = load(first_.data()), two = load(second_.data());
  __m128i slashes = _mm_setzero_si128();
  // The 32 bytes at `at`, those before `place` left out.
  const auto block = [&](const char* at, const char* place) -> const char* {
    const __m128i low = load(at), high = load(at + 16), backslash = _mm_set1_epi8('\\');
    std::uint32_t hits = bits(_mm_cmpeq_epi8(low, one), _mm_cmpeq_epi8(high, one));
    if (pair) hits &= bits(_mm_cmpeq_epi8(load(at + 1), two), _mm_cmpeq_epi8(load(at + 17), two));
    slashes = _mm_or_si128(slashes, _mm_or_si128(_mm_cmpeq_epi8(low, backslash), _mm_cmpeq_epi8(high, backslash)));
    hits &= ~std::uint32_t{0} << (place - at);
    for (; hits != 0; hits &= hits - 1) {
      const char* const candidate = at + std::countr_zero(hits);
      if (ends_here(candidate)) return candidate;
    }
    return nullptr;
  };
  const auto search = [&]() -> const char* {
    const char* place = from;
    for (; end - place >= 33; place += 32) {
      if (const char* const found = block(place, place)) return found;
    }
    // The last bytes once more with those before them, where the line has as many.
    if (const char* const last = end - 33; end - line >= 33 && place - last < 32) {
      if (const char* const found = block(last, place)) return found;
      place = end - 1;
    }
    for (; place != end; ++place) {
      escaped |= *place == '\\';
      if (*place == first && ends_here(place)) return place;
    }
    return nullptr;
  };
  const char* const found = search();
  escaped |= _mm_movemask_epi8(slashes) != 0;
  return found;
}

bool Layout::match(std::string_view line, Draft& draft) const {
  const char* place = line.data();
  const char* const end = place + line.size();
  if (!before.at(place, end)) return items[0].may_be_missing && (open_end || place == end);
  place += before.size();
  const Item* const last = &items.back();
  for (const Item* item = items.data();; ++item) {
    const Literal& behind = item->behind;
    if (item->counts) {
      std::uint64_t count;
      if (const char* const stop = read_digits(*item, place, end, count)) {
        draft.set_count(item->slot, count, item->rank);
        place = stop + behind.size();
        if (item == last) break;
        continue;
      }
    }
    bool escaped = behind.empty();
    const char* stop = behind.empty() ? end : usual_end(*item, place, end);
    if (stop == nullptr) stop = behind.find(place, end, line.data(), item->escape, escaped);
    const bool found = stop != nullptr;
    if (!found) {
      // A copy may be cut short in a field that may be missing altogether.
      if (open_end && item->may_be_missing) return true;
      // The line may end here when all that is behind may be missing.
      if (item == last || !item[1].may_be_missing) return false;
      stop = open_end ? std::find(place, end, ' ') : end;
    }
    const std::string_view value(place, static_cast<std::size_t>(stop - place));
    const Escape escape = item->by_backslash && !escaped ? Escape::none : item->escape;
    if (item->maps != 0) draft.map(item->maps, value, escape);
    if (item->slot != Slot::none) draft.set(item->slot, value, escape, item->rank);
    if (!found) return true;
    place = stop + behind.size();
    if (item == last) break;
  }
  return open_end || place == end;
}

LayoutBuilder& LayoutBuilder::literal(std::string_view text) {
  literal_ += text;
  return *this;
}

void LayoutBuilder::end_literal() {
  Literal& place = layout_.items.empty() ? layout_.before : layout_.items.back().behind;
  place = Literal(std::exchange(literal_, {}));
}

LayoutBuilder& LayoutBuilder::field(const KnownField& known, Escape escape,
                                    std::string_view alias) {
  if (literal_.empty() && !layout_.items.empty() && wrong_.empty()) {
    wrong_ =
        fmt::format("nothing stands between two fields before {}: where one ends could not be told",
                    known.name);
  }
  std::uint32_t maps = maps_of(maps_, known.name);
  if (!alias.empty()) maps |= maps_of(maps_, alias);
  named_ |= maps;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if ((maps >> i & 1) != 0 && maps_[i].kind == FactKind::client) has_client_ = true;
  }
  has_time_ = has_time_ || is_time(known.slot);
  has_client_ = has_client_ || is_client(known.slot);
  end_literal();
  layout_.items.push_back({.slot = known.slot,
                           .rank = known.rank,
                           .escape = escape,
                           .may_be_missing = std::exchange(missing_next_, false),
                           .maps = maps});
  return *this;
}

LayoutBuilder& LayoutBuilder::optional() {
  missing_next_ = true;
  return *this;
}

LayoutBuilder& LayoutBuilder::open_end() {
  layout_.open_end = true;
  return *this;
}

LayoutBuilder& LayoutBuilder::time_is_end(bool yes) {
  layout_.time_is_end = yes;
  return *this;
}

Result<Layout> LayoutBuilder::build() {
  end_literal();
  const auto wrong = [](std::string why) {
    return fail(ErrorKind::invalid, std::move(why), Origin::config);
  };
  if (!wrong_.empty()) return wrong(wrong_);
  if (layout_.items.size() > kMaxItems) return wrong(fmt::format("more than {} fields", kMaxItems));
  if (!has_time_) return wrong("no field holds the time of the request");
  if (!has_client_)
    return wrong("no field holds the client; if one does under another name: --field client=NAME");
  // An item behind which everything may be missing is itself the end of the line: so is each one
  // behind it.
  bool missing = false;
  for (Item& item : layout_.items) {
    missing = item.may_be_missing = item.may_be_missing || missing;
    item.by_backslash = item.escape == Escape::backslash || item.escape == Escape::quote || item.escape == Escape::json;
    item.counts = is_count(item.slot) && item.maps == 0 && !item.behind.empty();
  }
  return std::move(layout_);
}

std::uint32_t maps_of(const FieldMaps& maps, std::string_view field) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::string& name = maps[i].field;
    const bool same = std::equal(name.begin(), name.end(), field.begin(), field.end(),
                                 [](char a, char b) { return lower(a) == lower(b); });
    if (same) bits |= 1u << i;
  }
  return bits;
}

}  // namespace weir::foreign
