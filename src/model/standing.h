// Standing: what a caller's past says about it. Shared by whoever counts callers: the directory of
// a gateway (record/caller_entry.h), a plan over an input (replay/callers.h).
//   known        good exchanges on two days (UTC), or 24 h between the first and the last, which is
//                never without the other: since the first good one of another day than the first
//   established  at least 20 requests, 95 % of them answered 2xx or 3xx
// An exchange is one of three things (glossary):
//   bad      5xx; 401, 403 or 429 to a known caller; a gateway timeout; a client gone after more
//            than twice its route's p99
//   neither  401, 403 or 429 to anybody else, and what the gateway itself refused without that
//            being bad: no fault of ours, and no proof of a good caller either, or whoever tries
//            keys for two days would be known
//   good     all else; with no status known nothing says that it was bad
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/time.h"
#include "model/cause.h"

namespace weir {

// Whom an address stands for: IPv4 whole, IPv6 by its /64, the smallest network that is handed to one
// customer (RFC 6177, RFC 7934).
inline Address caller_address(const Address& client) {
  return client.family == Address::Family::v4 ? client : client.masked(64);
}

// How one exchange ended, as far as it is known.
struct Ending {
  std::optional<std::uint16_t> status;  // as sent to the client; 0: nothing was sent
  bool refused = false;                 // by the gateway itself
  bool recorded = false;                // by weir: without a status, it was let pass unless refused
  Cause cause = Cause::none;
  Nanos total{0};
};

enum class Outcome : std::uint8_t { good, neither, bad };

// `usual`: the p99 of the route's total time, where it is known.
constexpr Outcome outcome_of(const Ending& ending, bool known, std::optional<Nanos> usual = {}) {
  const unsigned status = ending.status.value_or(0);
  if (status >= 500 || ending.cause == Cause::response_timeout ||
      ending.cause == Cause::deadline_expired)
    return Outcome::bad;
  if (status == 401 || status == 403 || status == 429)
    return known ? Outcome::bad : Outcome::neither;
  if (ending.cause == Cause::client_gone && usual && ending.total > 2 * *usual) return Outcome::bad;
  if (ending.refused || (ending.status && status == 0)) return Outcome::neither;
  return Outcome::good;
}

// A set of days, counted from 1970 in UTC: exact over the newest 64, earlier ones are only counted.
class ActiveDays {
 public:
  ActiveDays() = default;
  ActiveDays(std::int32_t first, std::int32_t newest, std::uint32_t older, std::uint64_t bits)
      : first_(first), newest_(newest), older_(older), bits_(bits) {}

  static constexpr std::int32_t of(WallTime time) {
    return static_cast<std::int32_t>(
        std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count());
  }
  // Days before the newest 64 are taken for counted already.
  void add(std::int32_t day) { merge(ActiveDays(day, day, 0, 1)); }
  // Where both reach back beyond the newest 64 days and into each other, the greater count of
  // earlier days.
  void merge(const ActiveDays& other) {
    if (other.bits_ == 0) return;
    if (bits_ == 0) {
      *this = other;
      return;
    }
    const ActiveDays& late = newest_ >= other.newest_ ? *this : other;
    const ActiveDays& early = newest_ >= other.newest_ ? other : *this;
    const auto apart = static_cast<std::uint32_t>(late.newest_ - early.newest_);
    const std::uint64_t kept = apart < 64 ? early.bits_ << apart : 0;
    const auto fallen =
        static_cast<std::uint32_t>(std::popcount(early.bits_) - std::popcount(kept));
    // One day that both have, where one ends and the other begins, counts once.
    const std::uint32_t twice = early.newest_ == late.first_ && apart >= 64 ? 1 : 0;
    const bool in_order = early.newest_ <= late.first_;
    const std::uint32_t older = in_order ? late.older_ + early.older_ + fallen - twice
                                         : std::max(late.older_, early.older_ + fallen);
    *this = ActiveDays(std::min(first_, other.first_), late.newest_, older, late.bits_ | kept);
  }
  std::uint32_t count() const { return older_ + static_cast<std::uint32_t>(std::popcount(bits_)); }

  std::int32_t first() const { return first_; }
  std::int32_t newest() const { return newest_; }
  std::uint32_t older() const { return older_; }
  std::uint64_t bits() const {
    return bits_;
  }  // bit i: the day i before the newest; 0: none at all
  friend bool operator==(const ActiveDays&, const ActiveDays&) = default;

 private:
  std::int32_t first_ = 0, newest_ = 0;
  std::uint32_t older_ = 0;
  std::uint64_t bits_ = 0;
};

struct Standing {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0, fine = 0;  // with a status; 2xx or 3xx
  std::uint64_t good = 0, bad = 0;
  WallTime first_good, last_good;  // where good > 0
  std::optional<WallTime> known_since;
  ActiveDays days;  // with good exchanges

  void add(WallTime at, const Ending& ending, Outcome outcome) {
    ++requests;
    end(at, ending, outcome);
  }
  // What became of a request that was counted before.
  void end(WallTime at, const Ending& ending, Outcome outcome) {
    if (ending.status || ending.recorded) {
      ++answered;
      fine +=
          (ending.status ? *ending.status >= 200 && *ending.status < 400 : !ending.refused) ? 1 : 0;
    }
    if (outcome == Outcome::bad) ++bad;
    if (outcome != Outcome::good) return;
    const std::int32_t day = ActiveDays::of(at);
    if (good > 0 && day != ActiveDays::of(first_good)) {
      const WallTime second = std::max(at, first_good);
      known_since = known_since ? std::min(*known_since, second) : second;
    }
    first_good = good == 0 ? at : std::min(first_good, at);
    last_good = good == 0 ? at : std::max(last_good, at);
    ++good;
    if (days.bits() == 0 || day != days.newest()) days.add(day);
  }
  void merge(const Standing& other) {
    requests += other.requests;
    answered += other.answered;
    fine += other.fine;
    bad += other.bad;
    if (other.good > 0) {
      const WallTime first = good == 0 ? other.first_good : std::min(first_good, other.first_good);
      const auto second = [&](const Standing& of) {
        return of.good > 0 && ActiveDays::of(of.first_good) != ActiveDays::of(first)
                   ? std::optional(of.first_good)
                   : of.known_since;
      };
      const auto mine = second(*this), others = second(other);
      known_since = mine && others ? std::min(*mine, *others) : mine ? mine : others;
      last_good = good == 0 ? other.last_good : std::max(last_good, other.last_good);
      first_good = first;
    }
    good += other.good;
    days.merge(other.days);
  }

  bool is_known() const { return known_since.has_value(); }
  bool is_established() const {
    return requests >= 20 && answered > 0 && fine * 100 >= answered * 95;
  }
  friend bool operator==(const Standing&, const Standing&) = default;
};

}  // namespace weir
