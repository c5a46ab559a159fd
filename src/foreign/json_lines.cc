#include "foreign/json_lines.h"

#include <emmintrin.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace weir::foreign {
namespace {

namespace ondemand = simdjson::ondemand;

// Length and both ends: names in logs differ there.
std::size_t hash_of(std::string_view path) {
  std::uint64_t front = 0, back = 0;
  const std::size_t size = std::min<std::size_t>(path.size(), 8);
  std::memcpy(&front, path.data(), size);
  std::memcpy(&back, path.data() + path.size() - size, size);
  std::uint64_t mixed = (front ^ (back << 7 | back >> 57) ^ path.size()) * 0x9e3779b97f4a7c15ull;
  return static_cast<std::size_t>(mixed >> 32);
}

// Bytes that could offend a validator become 'x', controls become spaces; places stay.
void blank(std::string_view line, char* out) {
  std::size_t i = 0;
  const __m128i space = _mm_set1_epi8(' '), letter = _mm_set1_epi8('x');
  for (; i + 16 <= line.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line.data() + i));
    const __m128i high = _mm_cmplt_epi8(bytes, _mm_setzero_si128());
    const __m128i low = _mm_andnot_si128(high, _mm_cmplt_epi8(bytes, space));
    const __m128i kept = _mm_andnot_si128(_mm_or_si128(high, low), bytes);
    const __m128i blanked =
        _mm_or_si128(kept, _mm_or_si128(_mm_and_si128(high, letter), _mm_and_si128(low, space)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), blanked);
  }
  for (; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    out[i] = byte >= 0x80 ? 'x' : byte < 0x20 ? ' ' : line[i];
  }
}

// The end of a string whose first byte is at `from`: its closing quote.
const char* string_end(const char* from, const char* end) {
  for (const char* at = from; at < end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (at == nullptr) return end;
    const char* back = at;
    while (back != from && back[-1] == '\\') --back;
    if ((at - back) % 2 == 0) return at;
  }
  return end;
}

}  // namespace

JsonTable::JsonTable(std::vector<JsonRow> rows, bool end)
    : time_is_end(end), rows_(std::move(rows)) {
  places_.assign(std::bit_ceil(rows_.size() * 4 + 1), -1);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    std::size_t place = hash_of(rows_[i].path) & (places_.size() - 1);
    while (places_[place] >= 0) place = (place + 1) & (places_.size() - 1);
    places_[place] = static_cast<std::int16_t>(i);
  }
}

const JsonRow* JsonTable::find(std::string_view path) const {
  if (places_.empty() || path.empty()) return nullptr;
  for (std::size_t place = hash_of(path) & (places_.size() - 1); places_[place] >= 0;
       place = (place + 1) & (places_.size() - 1)) {
    const JsonRow& row = rows_[static_cast<std::size_t>(places_[place])];
    if (row.path == path) return &row;
  }
  return nullptr;
}

JsonTable json_table(std::vector<KnownField> known, const FieldMaps& maps, bool time_is_end) {
  std::vector<JsonRow> rows;
  for (const KnownField& field : known) {
    rows.push_back(
        {.path = std::string(field.name), .slot = field.slot, .rank = field.rank, .maps = 0});
  }
  for (std::size_t i = 0; i < maps.size(); ++i) {
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const JsonRow& r) { return r.path == maps[i].field; });
    if (row == rows.end()) row = rows.insert(rows.end(), {.path = maps[i].field});
    row->maps |= 1u << i;
  }
  return {std::move(rows), time_is_end};
}

struct JsonLines::Engine {
  ondemand::parser parser;
  std::unique_ptr<char[]> copy = std::make_unique<char[]>(kMaxLine + simdjson::SIMDJSON_PADDING);
  std::array<char, kMaxPath> path{};
  std::string_view line;
  const JsonTable* table = nullptr;
  Draft* draft = nullptr;

  // The same bytes in the line itself.
  std::string_view original(const char* from, const char* to) const {
    const auto offset = static_cast<std::size_t>(from - copy.get());
    if (offset > line.size()) return {};
    return line.substr(offset, static_cast<std::size_t>(to - from));
  }

  void hand_on(const JsonRow& row, std::string_view value, Escape escape) {
    if (row.maps != 0) draft->map(row.maps, value, escape);
    draft->set(row.slot, value, escape, row.rank);
  }

  bool scalar(ondemand::value& value, ondemand::json_type type, const JsonRow& row) {
    if (type == ondemand::json_type::string) {
      ondemand::raw_json_string raw;
      if (value.get_raw_json_string().get(raw) != simdjson::SUCCESS) return false;
      const char* const from = raw.raw();
      hand_on(row, original(from, string_end(from, copy.get() + line.size())), Escape::json);
      return true;
    }
    if (type == ondemand::json_type::null) return true;
    std::string_view token = value.raw_json_token();
    while (!token.empty() && token.back() == ' ') token.remove_suffix(1);
    hand_on(row, original(token.data(), token.data() + token.size()), Escape::none);
    return true;
  }

  bool any(ondemand::value& value, std::size_t length, std::size_t depth) {
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    if (type == ondemand::json_type::object) {
      ondemand::object inner;
      if (depth + 1 >= kMaxDepth || length + 1 >= kMaxPath) return true;
      if (value.get_object().get(inner) != simdjson::SUCCESS) return false;
      path[length] = '.';
      return walk(inner, length + 1, depth + 1);
    }
    const JsonRow* const row = table->find({path.data(), length});
    if (row == nullptr) return true;
    if (type != ondemand::json_type::array) return scalar(value, type, *row);
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return false;
    for (auto element : array) {
      ondemand::value first;
      ondemand::json_type kind;
      if (std::move(element).get(first) != simdjson::SUCCESS ||
          first.type().get(kind) != simdjson::SUCCESS)
        return false;
      if (kind == ondemand::json_type::array || kind == ondemand::json_type::object) return true;
      return scalar(first, kind, *row);
    }
    return true;
  }

  bool walk(ondemand::object& object, std::size_t prefix, std::size_t depth) {
    for (auto result : object) {
      ondemand::field field;
      if (std::move(result).get(field) != simdjson::SUCCESS) return false;
      const char* const key = field.key().raw();
      const auto size = static_cast<std::size_t>(string_end(key, copy.get() + line.size()) - key);
      if (prefix + size >= kMaxPath) continue;
      std::memcpy(path.data() + prefix, key, size);
      if (!any(field.value(), prefix + size, depth)) return false;
    }
    return true;
  }
};

JsonLines::JsonLines() : engine_(std::make_unique<Engine>()) {}
JsonLines::JsonLines(JsonLines&&) noexcept = default;
JsonLines& JsonLines::operator=(JsonLines&&) noexcept = default;
JsonLines::~JsonLines() = default;

bool JsonLines::read(std::string_view line, const JsonTable& table, Draft& draft) {
  if (line.size() > kMaxLine) return false;
  Engine& engine = *engine_;
  blank(line, engine.copy.get());
  std::memset(engine.copy.get() + line.size(), 0, simdjson::SIMDJSON_PADDING);
  engine.line = line;
  engine.table = &table;
  engine.draft = &draft;
  ondemand::document document;
  ondemand::object object;
  if (engine.parser
              .iterate(engine.copy.get(), line.size(), line.size() + simdjson::SIMDJSON_PADDING)
              .get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return false;
  }
  // Behind the object nothing may come: then the place is out of bounds.
  return engine.walk(object, 0, 0) &&
         document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace weir::foreign
