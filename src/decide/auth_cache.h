// What auth services said, kept for a while under a keyed hash of what they were asked: no credential stands here. Bounded
// by `max` of whoever keeps; the oldest goes first. One for each worker.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/time.h"
#include "model/facts.h"

namespace weir::decide {

struct KeptAnswer {
  AuthAnswer answer;
  std::string fields;      // allowed: lines for the head that goes to the upstream
  std::string challenge;   // denied: WWW-Authenticate
};

class AuthCache {
 public:
  static constexpr std::size_t kMostText = 1024;   // an answer with more is not kept

  // Null: nothing is known, or no longer. Until the next keep().
  const KeptAnswer* find(std::uint64_t key, Stamp now) const {
    const auto found = places_.find(key);
    return found == places_.end() || found->second.until <= now ? nullptr : &found->second.kept;
  }

  void keep(std::uint64_t key, KeptAnswer answer, Stamp until, std::uint32_t max) {
    if (answer.answer.result == AuthResult::unavailable || answer.fields.size() + answer.challenge.size() > kMostText) return;
    if (const auto known = places_.find(key); known != places_.end()) {
      known->second = {.kept = std::move(answer), .until = until};
      return;
    }
    while (order_.size() >= max) {
      places_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(key);
    places_.emplace(key, Place{.kept = std::move(answer), .until = until});
  }

  std::size_t size() const { return places_.size(); }

 private:
  struct Place {
    KeptAnswer kept;
    Stamp until;
  };
  struct Spread {   // a key is a hash already
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  boost::unordered_flat_map<std::uint64_t, Place, Spread> places_;
  std::deque<std::uint64_t> order_;   // of their keys, the oldest first
};

}  // namespace weir::decide
