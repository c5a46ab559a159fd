// For tests and fuzzers: a whole message read by weir, head and body, in one piece or cut into
// many, as plain values that can be compared. Reading stops behind the first message of the input;
// the end of the input counts as the peer's end only where the message ends by close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http1.h"

namespace weir::http::oracle {

// Which of the two kinds, and what a response answers.
struct Asked {
  bool request = true;
  ResponseParser::Asked response;
};

enum class End : std::uint8_t { refused, unfinished, complete };

struct Reading {
  End end = End::unfinished;
  bool head = false;  // the head was complete
  std::string method = {};
  std::string target = {};
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::string body = {};
  std::size_t consumed = 0;  // where the message ends, when complete
  Violation violation = Violation::none;
  std::string why = {};

  friend bool operator==(const Reading&, const Reading&) = default;
};

// Pieces of 1 to 17 bytes by a small generator; 0 means in one piece.
class Cutter {
 public:
  explicit Cutter(std::uint32_t seed) : state_(seed) {}
  std::size_t next(std::size_t rest) {
    if (state_ == 0) return rest;
    state_ = state_ * 1664525u + 1013904223u;
    const std::size_t piece = 1 + (state_ >> 24) % 17;
    return piece < rest ? piece : rest;
  }

 private:
  std::uint32_t state_;
};

inline constexpr HeadCaps kCaps{.head = 32 * 1024, .line = 8 * 1024, .fields = 100};

struct Heads {
  RequestHead request;
  ResponseHead response;
};

// Reads the body behind a head that ended at `at`.
inline void read_body(std::string_view input, const Framing& framing, Cutter& cutter,
                      Reading& reading) {
  if (framing.kind == Framing::Kind::tunnel) {
    reading.end = End::complete;
    return;
  }
  BodyReader body(framing);
  std::size_t at = reading.consumed;
  std::size_t visible = at;
  while (!body.finished() && reading.violation == Violation::none) {
    if (at == visible) {
      if (visible == input.size()) break;
      visible += cutter.next(input.size() - visible);
    }
    const BodyReader::Step step = body.next(input.substr(at, visible - at));
    reading.body += step.payload;
    at += step.consumed;
    reading.violation = step.violation;
  }
  reading.consumed = at;
  if (reading.violation != Violation::none) {
    reading.end = End::refused;
  } else if (body.ended() == Violation::none) {
    reading.end = End::complete;
  }
}

inline Reading read_with_weir(std::string_view input, Asked asked, std::uint32_t cuts,
                              Heads& heads) {
  Reading reading;
  Cutter cutter(cuts);
  RequestParser request;
  ResponseParser response;
  HeadResult result;
  for (std::size_t visible = 0;
       result.status == ParseStatus::need_more && visible < input.size();) {
    visible += cutter.next(input.size() - visible);
    const std::string_view seen = input.substr(0, visible);
    result = asked.request ? request.parse(seen, kCaps, heads.request)
                           : response.parse(seen, kCaps, asked.response, heads.response);
  }
  reading.violation = result.violation;
  if (result.status == ParseStatus::violation) reading.end = End::refused;
  if (result.status != ParseStatus::complete) return reading;

  reading.head = true;
  reading.consumed = result.consumed;
  if (asked.request) {
    reading.method = heads.request.method;
    reading.target = heads.request.target;
  } else {
    reading.status = heads.response.status;
  }
  for (const Field& field : (asked.request ? heads.request.fields : heads.response.fields).all()) {
    reading.fields.emplace_back(field.name, field.value);
  }
  read_body(input, asked.request ? heads.request.framing : heads.response.framing, cutter, reading);
  return reading;
}

}  // namespace weir::http::oracle
