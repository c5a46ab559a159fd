// Loops: requests that come back to the installation that sent them on. Every request that goes on carries a mark, and
// what comes in is counted by the marks it carries.
//   CDN-Loop (RFC 8586)    ..., weir-3f2a9c1d5e6b; hops=2; seal=8c41d0aa17e25b93
//   Via (RFC 9110 7.6.3)   ..., 1.1 weir (weir-3f2a9c1d5e6b)
// The id is that of request ids (model/request_id.h): no secret, the same after every restart. `hops` says how often the
// request has been here once it comes back; the seal is keyed_hash of that number under a key made from the
// installation's, so nobody else can write one that he has not been sent.
//
// hops is the greatest of: the sealed number, our elements in CDN-Loop, our entries in Via. Whoever takes the seal off
// or lowers the number leaves the elements, whoever does not know CDN-Loop passes Via on; who removes all of it begins at
// 0 again. Ids can be written by anybody who has seen one: then his own request is refused, and nobody else's.
//
// Elements are cut at every comma, also within quotes and comments: an open quote that a client sent first would hide
// the marks that follow it. Cost: nothing without either field, else linear in their values, whose size the head's cap
// bounds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace weir::decide {

// That are sealed: as deep as `loop.depth` may be. A head grows by 85 bytes each time, its answer by a Via.
constexpr std::uint8_t kMostHops = 32;

// What one installation writes. Made once a worker; immutable.
class LoopMarks {
 public:
  explicit LoopMarks(HashKey key);

  std::string_view id() const { return id_; }
  // The element of CDN-Loop for a request that was here `hops` times before.
  std::string_view mark(std::uint8_t hops) const;
  bool is_sealed(std::uint64_t hops, std::uint64_t seal) const;

 private:
  struct Mark {
    std::uint64_t seal = 0;
    std::string text;
  };
  std::string id_;
  std::array<Mark, kMostHops> marks_;   // [i] says hops=i+1
};

// How often one request was here before. Give it every CDN-Loop and Via value, in any order.
class HopCount {
 public:
  HopCount(const LoopMarks& marks, std::string_view via_name) : marks_(marks), via_name_(via_name) {}

  void cdn_loop(std::string_view value);
  void via(std::string_view value);
  std::uint8_t hops() const;   // saturating

 private:
  const LoopMarks& marks_;
  std::string_view via_name_;
  std::uint64_t sealed_ = 0, elements_ = 0, entries_ = 0;
};

}  // namespace weir::decide
