#include "http/canonical.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/address.h"
#include "http/authority.h"
#include "http/scan.h"

namespace weir::http {
namespace {

// What a raw byte of a path is.
enum class PathByte : std::uint8_t { refused, plain, to_encode, dot, slash, percent };

consteval std::array<PathByte, 256> path_bytes() {
  std::array<PathByte, 256> table{};
  for (unsigned c = 0x21; c < 0x7f; ++c)
    table[c] = PathByte::plain;  // pchar, less what follows (RFC 3986 3.3)
  for (const char c : std::string_view("\"<>^`{|}[]"))
    table[static_cast<unsigned char>(c)] = PathByte::to_encode;
  for (const char c : std::string_view("\\?#"))
    table[static_cast<unsigned char>(c)] = PathByte::refused;
  table['.'] = PathByte::dot;
  table['/'] = PathByte::slash;
  table['%'] = PathByte::percent;
  return table;
}
constexpr std::array<PathByte, 256> kPathBytes = path_bytes();

PathByte kind_of(char c) { return kPathBytes[static_cast<unsigned char>(c)]; }

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void append_encoded(unsigned char byte, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
}

constexpr bool is_kept(unsigned char c) {
  const PathByte kind = kPathBytes[c];
  return kind == PathByte::plain || kind == PathByte::dot || kind == PathByte::slash;
}

// True when the path is canonical as it stands: no byte to change, and after each slash neither a
// slash nor a dot. Sixteen bytes a step, of which the last ones may have been looked at before.
bool is_plain(std::string_view path) {
  constexpr std::size_t kStep = 16;
  for (std::size_t i = 0; path.size() >= kStep; i = std::min(i + kStep, path.size() - kStep)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(path.data() + i));
    const auto are = [&](char c) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))));
    };
    const unsigned slashes = are('/');
    const unsigned behind = slashes << 1 | (i > 0 && path[i - 1] == '/' ? 1 : 0);
    if ((scan::AsciiClass<is_kept>::outside(bytes) | (behind & (slashes | are('.')))) != 0) return false;
    if (i + kStep == path.size()) return true;
  }
  PathByte before = PathByte::plain;
  for (const char c : path) {
    const PathByte kind = kind_of(c);
    if (kind == PathByte::refused || kind == PathByte::to_encode || kind == PathByte::percent)
      return false;
    if (before == PathByte::slash && (kind == PathByte::slash || kind == PathByte::dot))
      return false;
    before = kind;
  }
  return true;
}

// `text` begins with '%'.
Violation append_escape(std::string_view text, EncodedSlash slash, std::string& out) {
  const int high = text.size() < 3 ? -1 : hex_digit(text[1]);
  const int low = text.size() < 3 ? -1 : hex_digit(text[2]);
  if (high < 0 || low < 0) return Violation::bad_path;
  const auto byte = static_cast<unsigned char>(high * 16 + low);
  if (byte == 0) return Violation::encoded_nul;
  if (byte == '\\') return Violation::bad_path;
  if (byte == '/' && slash == EncodedSlash::refuse) return Violation::encoded_slash;
  if (is_unreserved(static_cast<char>(byte))) {
    out += static_cast<char>(byte);
  } else {
    append_encoded(byte, out);
  }
  return Violation::none;
}

Violation append_segment(std::string_view segment, EncodedSlash slash, std::string& out) {
  while (!segment.empty()) {
    std::size_t used = 1;
    switch (kind_of(segment.front())) {
      case PathByte::refused:
        return Violation::bad_path;
      case PathByte::percent:
        if (const Violation fault = append_escape(segment, slash, out); fault != Violation::none)
          return fault;
        used = 3;
        break;
      case PathByte::to_encode:
        append_encoded(static_cast<unsigned char>(segment.front()), out);
        break;
      default:
        out += segment.front();
    }
    segment.remove_prefix(used);
  }
  return Violation::none;
}

// The last segment, behind out[slash_at], is in its final spelling: keep it, drop it, or go up (RFC
// 3986 5.2.4).
Violation settle_segment(std::size_t slash_at, bool last, std::string& out) {
  const std::string_view segment = std::string_view(out).substr(slash_at + 1);
  // Some servers cut parameters off before they look for dots, and would go up where this path does
  // not.
  if (segment.starts_with(".;") || segment.starts_with("..;")) return Violation::bad_path;
  const bool up = segment == "..";
  if (!up && segment != "." && !segment.empty()) return Violation::none;
  if (up) {
    if (slash_at == 0) return Violation::bad_path;
    slash_at = out.rfind('/', slash_at - 1);
  }
  out.resize(last ? slash_at + 1 : slash_at);
  return Violation::none;
}

Violation rewrite(std::string_view path, EncodedSlash slash, std::string& out) {
  out.clear();
  for (bool last = false; !last;) {
    path.remove_prefix(1);  // the slash
    const std::size_t length = std::min(path.find('/'), path.size());
    last = length == path.size();
    const std::size_t slash_at = out.size();
    out += '/';
    if (const Violation fault = append_segment(path.substr(0, length), slash, out);
        fault != Violation::none) {
      return fault;
    }
    if (const Violation fault = settle_segment(slash_at, last, out); fault != Violation::none)
      return fault;
    path.remove_prefix(length);
  }
  return Violation::none;
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

CanonicalPath canonical_path(std::string_view path, EncodedSlash slash, std::string& storage) {
  if (path == "*") return {.path = path};
  if (path.empty() || path.front() != '/') return {.violation = Violation::bad_path};
  if (is_plain(path)) return {.path = path};
  if (const Violation fault = rewrite(path, slash, storage); fault != Violation::none)
    return {.violation = fault};
  return {.path = storage};
}

CanonicalHost canonical_host(std::string_view authority, std::string& storage) {
  const auto split = split_authority(authority);
  if (!split) return {.violation = Violation::bad_host};
  CanonicalHost result{.host = split->host, .port = split->port};
  if (split->ipv6) {
    const auto address = Address::parse(split->host.substr(1, split->host.size() - 2));
    if (!address) return {.violation = Violation::bad_host};
    storage = address->family == Address::Family::v6 ? "[" + to_string(*address) + "]"
                                                     : to_string(*address);
    result.host = storage;
  } else if (const char* const end = split->host.data() + split->host.size();
             scan::skip<scan::LowerHost>(split->host.data(), end) != end) {
    storage.resize(split->host.size());
    std::transform(split->host.begin(), split->host.end(), storage.begin(),
                   [](char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; });
    result.host = storage;
  }
  return result;
}

}  // namespace weir::http
