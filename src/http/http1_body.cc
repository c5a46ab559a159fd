// Reads a body by its framing (RFC 9112 6.3, 7.1). Chunked is a machine of one state per kind of
// byte, because a peer may cut its bytes anywhere; payload itself is handed on in pieces without
// being looked at.
//   size       1 to 16 hexadecimal digits, below 2^63, nothing around them
//   extension  ;name or ;name=token without blanks, at most 256 bytes a chunk line and 16 KiB a
//              message; dropped. Quoted values are refused: nobody sends them, and readers that
//              mind the quotes and readers that do not see different line ends
//   trailers   checked like header fields, at most 8192 bytes, forbidden names refused, all others
//              dropped
// A trailer's name is known by a 64-bit hash kept while it streams past: a forbidden name always
// has its hash, so none gets by; another name with the same hash would only be refused too.
#include <algorithm>
#include <array>
#include <iterator>

#include "http/http1.h"
#include "http/scan.h"

namespace weir::http {

enum class BodyReader::State : std::uint8_t {
  finished,
  failed,
  opaque,  // until_close, tunnel
  data,
  data_cr,
  data_lf,
  size_first,
  size,
  extension_name_first,
  extension_name,
  extension_value_first,
  extension_value,
  size_lf,
  trailer_first,
  trailer_name,
  trailer_value,
  trailer_lf,
  last_lf,
};

namespace {

constexpr std::uint32_t kMaxSizeLine = 256;
constexpr std::uint64_t kMaxExtensions =
    16 * 1024;  // else a body of any size could hide in front of no payload
constexpr std::uint32_t kMaxTrailers = 8192;
constexpr std::uint8_t kMaxSizeDigits = 16;

// FNV-1a over lower case.
constexpr std::uint64_t kHashStart = 0xcbf29ce484222325u;
constexpr std::uint64_t hash_step(std::uint64_t hash, char c) {
  const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return (hash ^ static_cast<unsigned char>(lower)) * 0x100000001b3u;
}
constexpr std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = kHashStart;
  for (const char c : name) hash = hash_step(hash, c);
  return hash;
}

// RFC 9110 6.5.1: framing, routing, request modifiers, authentication, response control, content
// format; and what this gateway itself writes.
constexpr std::string_view kForbiddenNames[] = {"transfer-encoding",
                                                "content-length",
                                                "host",
                                                "connection",
                                                "keep-alive",
                                                "proxy-connection",
                                                "te",
                                                "trailer",
                                                "upgrade",
                                                "expect",
                                                "max-forwards",
                                                "cache-control",
                                                "pragma",
                                                "range",
                                                "if-match",
                                                "if-none-match",
                                                "if-modified-since",
                                                "if-unmodified-since",
                                                "if-range",
                                                "authorization",
                                                "proxy-authorization",
                                                "www-authenticate",
                                                "proxy-authenticate",
                                                "authentication-info",
                                                "proxy-authentication-info",
                                                "cookie",
                                                "set-cookie",
                                                "age",
                                                "expires",
                                                "date",
                                                "location",
                                                "retry-after",
                                                "vary",
                                                "warning",
                                                "content-encoding",
                                                "content-type",
                                                "content-range",
                                                "via",
                                                "forwarded",
                                                "x-request-id",
                                                "traceparent",
                                                "tracestate",
                                                "cdn-loop"};
consteval auto hash_forbidden() {
  std::array<std::uint64_t, std::size(kForbiddenNames)> hashes{};
  std::transform(std::begin(kForbiddenNames), std::end(kForbiddenNames), hashes.begin(), hash_of);
  return hashes;
}
constexpr auto kForbiddenTrailers = hash_forbidden();

// A whole family is forbidden by its first bytes: kPrefix marks a name that began with them.
constexpr std::string_view kForbiddenFamily = "x-forwarded-";
constexpr std::uint64_t kFamilyHash = hash_of(kForbiddenFamily);
constexpr std::uint8_t kPrefix = 255;

bool is_forbidden(std::uint64_t hash, std::uint8_t detail) {
  return detail == kPrefix || std::find(kForbiddenTrailers.begin(), kForbiddenTrailers.end(),
                                        hash) != kForbiddenTrailers.end();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Violation unless_lf(char c, Violation otherwise) {
  return c == '\n' ? Violation::bare_lf : otherwise;
}

}  // namespace

BodyReader::BodyReader(Framing framing) : framing_(framing) {
  switch (framing.kind) {
    case Framing::Kind::none:
      state_ = State::finished;
      break;
    case Framing::Kind::length:
      left_ = framing.length;
      state_ = left_ > 0 ? State::data : State::finished;
      break;
    case Framing::Kind::chunked:
      framing_.length = 0;
      state_ = State::size_first;
      break;
    case Framing::Kind::until_close:
    case Framing::Kind::tunnel:
      state_ = State::opaque;
      break;
  }
}

BodyReader::Step BodyReader::next(std::string_view input) {
  Step step;
  while (step.consumed < input.size() && state_ != State::finished && state_ != State::failed) {
    const std::string_view rest = input.substr(step.consumed);
    if (state_ == State::opaque) {
      step.payload = rest;
      step.consumed = input.size();
    } else if (state_ == State::data) {
      if (!step.payload.empty()) break;
      step.payload =
          rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
      step.consumed += step.payload.size();
      left_ -= step.payload.size();
      if (left_ == 0)
        state_ = framing_.kind == Framing::Kind::length ? State::finished : State::data_cr;
    } else {
      ++step.consumed;
      if (const Violation fault = take(rest.front()); fault != Violation::none) {
        state_ = State::failed;
        detail_ = static_cast<std::uint8_t>(fault);
      }
    }
  }
  step.finished = state_ == State::finished;
  if (state_ == State::failed) step.violation = static_cast<Violation>(detail_);
  return step;
}

Violation BodyReader::ended() const {
  if (state_ == State::failed) return static_cast<Violation>(detail_);
  return state_ == State::finished || state_ == State::opaque ? Violation::none
                                                              : Violation::body_truncated;
}

bool BodyReader::finished() const { return state_ == State::finished; }

std::uint64_t BodyReader::remaining() const {
  return framing_.kind == Framing::Kind::length ? left_ : 0;
}

Violation BodyReader::take(char c) {
  if (state_ >= State::trailer_first) return take_trailer(c);
  if (state_ >= State::size_first)
    return ++meta_ > kMaxSizeLine ? Violation::bad_chunk_extension : take_size(c);
  return take_data_end(c);
}

Violation BodyReader::take_data_end(char c) {
  if (state_ == State::data_cr) {
    if (c != '\r') return unless_lf(c, Violation::bad_chunk_end);
    state_ = State::data_lf;
    return Violation::none;
  }
  if (c != '\n') return Violation::bad_chunk_end;
  state_ = State::size_first;
  return Violation::none;
}

Violation BodyReader::take_size(char c) {
  if (state_ == State::size_lf) return c == '\n' ? end_size_line() : Violation::bare_cr;
  if (state_ > State::size) return take_extension(c);
  if (state_ == State::size_first) {
    left_ = 0;
    detail_ = 0;
    meta_ = 1;
    state_ = State::size;
  } else if (c == '\r') {
    state_ = State::size_lf;
    return Violation::none;
  } else if (c == ';') {
    state_ = State::extension_name_first;
    return Violation::none;
  }
  const int digit = hex_digit(c);
  if (digit < 0 || ++detail_ > kMaxSizeDigits) return unless_lf(c, Violation::bad_chunk_size);
  if (left_ >> 59 != 0) return Violation::chunk_size_overflow;
  left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
  return Violation::none;
}

Violation BodyReader::end_size_line() {
  meta_ = 0;
  state_ = left_ == 0 ? State::trailer_first : State::data;
  return Violation::none;
}

// RFC 9112 7.1.1, without quoted values.
Violation BodyReader::take_extension(char c) {
  if (++framing_.length > kMaxExtensions) return Violation::bad_chunk_extension;
  const bool first =
      state_ == State::extension_name_first || state_ == State::extension_value_first;
  if (scan::in<scan::Token>(c)) {
    if (first)
      state_ =
          state_ == State::extension_name_first ? State::extension_name : State::extension_value;
  } else if (first) {
    return unless_lf(c, Violation::bad_chunk_extension);
  } else if (c == '\r') {
    state_ = State::size_lf;
  } else if (c == ';') {
    state_ = State::extension_name_first;
  } else if (c == '=' && state_ == State::extension_name) {
    state_ = State::extension_value_first;
  } else {
    return unless_lf(c, Violation::bad_chunk_extension);
  }
  return Violation::none;
}

// RFC 9112 7.1.2.
Violation BodyReader::take_trailer(char c) {
  if (++meta_ > kMaxTrailers) return Violation::trailers_too_large;
  switch (state_) {
    case State::last_lf:
      if (c != '\n') return Violation::bare_cr;
      state_ = State::finished;
      return Violation::none;
    case State::trailer_lf:
      if (c != '\n') return Violation::bare_cr;
      state_ = State::trailer_first;
      return Violation::none;
    case State::trailer_value:
      if (c == '\r') {
        state_ = State::trailer_lf;
        return Violation::none;
      }
      return scan::in<scan::Value>(c) ? Violation::none : unless_lf(c, Violation::bad_field_value);
    case State::trailer_first:
      if (c == '\r') {
        state_ = State::last_lf;
        return Violation::none;
      }
      if (c == ' ' || c == '\t') return Violation::obs_fold;
      if (c == ':') return Violation::empty_field_name;
      left_ = kHashStart;
      detail_ = 0;
      state_ = State::trailer_name;
      [[fallthrough]];
    default:
      return take_trailer_name(c);
  }
}

Violation BodyReader::take_trailer_name(char c) {
  if (scan::in<scan::Token>(c)) {
    left_ = hash_step(left_, c);
    if (detail_ < kForbiddenFamily.size()) ++detail_;
    if (detail_ == kForbiddenFamily.size() && left_ == kFamilyHash) detail_ = kPrefix;
    return Violation::none;
  }
  if (c == ':') {
    state_ = State::trailer_value;
    return is_forbidden(left_, detail_) ? Violation::forbidden_trailer : Violation::none;
  }
  if (c == '\r') return Violation::missing_colon;
  if (c == ' ' || c == '\t') return Violation::space_before_colon;
  return unless_lf(c, Violation::bad_field_name);
}

}  // namespace weir::http
