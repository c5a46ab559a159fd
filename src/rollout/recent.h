// How much traffic there is of late, as far as staging asks: its rate and how many callers and client addresses over about the
// last ten minutes, and the requests of the last hour.
// Bounds: kMost callers and client addresses are told apart, 60 counters. Pure: stamps are passed in, and never go back.
#pragma once

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/time.h"
#include "rollout/staging.h"

namespace weir::rollout {

class Recent {
 public:
  static constexpr std::size_t kMost = 1024;
  static constexpr Nanos kHalf = std::chrono::minutes(5), kMinute = std::chrono::minutes(1);

  void add(std::uint64_t caller, std::uint64_t client, Stamp now) {
    advance(now);
    ++now_.requests;
    ++minutes_[static_cast<std::size_t>(minute_) % minutes_.size()];
    if (now_.callers.size() < kMost) now_.callers.insert(caller);
    if (now_.clients.size() < kMost) now_.clients.insert(client);
  }

  Traffic traffic(Stamp now) {
    advance(now);
    const double seconds = std::max(1.0, to_seconds(now - (before_.since == Stamp{} ? now_.since : before_.since)));
    Set callers = before_.callers, clients = before_.clients;
    callers.insert(now_.callers.begin(), now_.callers.end());
    clients.insert(now_.clients.begin(), now_.clients.end());
    return {.requests_per_s = static_cast<double>(before_.requests + now_.requests) / seconds, .callers = callers.size(), .clients = clients.size()};
  }
  std::uint64_t last_hour(Stamp now) {
    advance(now);
    std::uint64_t sum = 0;
    for (const std::uint64_t each : minutes_) sum += each;
    return sum;
  }

 private:
  using Set = boost::unordered_flat_set<std::uint64_t>;
  struct Half {
    Stamp since{};
    std::uint64_t requests = 0;
    Set callers, clients;
  };
  static double to_seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }

  void advance(Stamp now) {
    if (now_.since == Stamp{}) {
      now_.since = now;
      minute_ = minute_of(now);
    }
    if (now - now_.since >= kHalf) {
      before_ = now - now_.since >= 2 * kHalf ? Half{} : std::exchange(now_, {});
      now_ = {.since = now, .requests = 0, .callers = {}, .clients = {}};
    }
    for (const std::int64_t last = std::max(minute_, minute_of(now) - 60); minute_ < minute_of(now);) {
      if (minute_ < last) minute_ = last;
      minutes_[static_cast<std::size_t>(++minute_) % minutes_.size()] = 0;
    }
  }
  static std::int64_t minute_of(Stamp at) { return at.time_since_epoch() / kMinute; }

  Half before_, now_;
  std::array<std::uint64_t, 60> minutes_{};
  std::int64_t minute_ = 0;
};

}  // namespace weir::rollout
