// What the directory keeps of one caller: who it is, its standing, when it was seen, how fast it
// asks, the routes it uses, and what refused it since when. An entry is also a difference: what a
// log or the last seconds add is an entry by itself, merged into the one that was there. Parts of
// one stream of exchanges, merged in the order of time, give what the whole stream gives. Parts
// that overlap (a log of a time that was seen already) count minutes that both have twice.
//
//   rate     by the minute (UTC): requests, and minutes in which it asked at all; so the usual rate
//            is requests per active minute, and one number is the busiest minute
//   pace     of who has a credential: by the second, by day (record/caller_pace.h)
//   refusal  by rule and cause. `since` is the first of its present spell: a spell ends with an
//            hour in which that rule refused nothing to this caller
//
// Bounds: kMostRoutes and kMostRefusals, names of kMostText bytes; a caller's name of more than
// CallerName::kMost bytes is cut and told apart by a digest of the whole. As bytes, for a store:
// encode() and decode_caller_entry(); bytes of any origin are safe to read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/cause.h"
#include "model/standing.h"
#include "record/caller_pace.h"

namespace weir::record {

enum class CallerKind : std::uint8_t {
  credential,  // by the subject of a credential or service identity
  client,      // by address (IPv6 by /64), or by what a log has in its place
};
std::string_view to_string(CallerKind kind);

struct CallerName {
  static constexpr std::size_t kMost = 160;  // bytes
  // Cuts what is longer.
  static CallerName of(CallerKind kind, std::string_view name);
  // Kind and name in one: the key of a table.
  std::string key() const;

  CallerKind kind = CallerKind::client;
  std::string name;
  friend bool operator==(const CallerName&, const CallerName&) = default;
};

// Requests by the minute, counted from 1970.
struct MinuteCounts {
  std::int64_t first = 0, last = 0;               // minutes with requests
  std::uint64_t first_count = 0, last_count = 0;  // of those two
  std::uint64_t before_last = 0;                  // of the minute before the last
  std::uint64_t active = 0;                       // minutes with requests; 0: none at all
  std::uint64_t busiest = 0;
  std::int64_t busiest_minute = 0;

  static std::int64_t of(WallTime time);
  void add(WallTime at);
  void merge(const MinuteCounts& other);
  // Requests in the 60 s before `now`, taking those of a minute for spread over it.
  double rate(WallTime now) const;
  friend bool operator==(const MinuteCounts&, const MinuteCounts&) = default;

 private:
  void note_busy(std::uint64_t count, std::int64_t minute);
};

struct RouteUse {
  std::string route;
  std::uint64_t requests = 0;
  WallTime last;
  friend bool operator==(const RouteUse&, const RouteUse&) = default;
};

struct RefusalUse {
  std::string rule;  // "": none decided, or a log that does not say
  Cause cause = Cause::none;
  std::uint16_t status = 0;                  // where the cause is none: what a log has
  std::uint32_t revision = 0;                // that refused first in this spell; 0: not known
  std::uint64_t count = 0, spell_count = 0;  // ever; in this spell
  WallTime first, since, last;
  bool is_same(const RefusalUse& other) const {
    return cause == other.cause && status == other.status && rule == other.rule;
  }
  friend bool operator==(const RefusalUse&, const RefusalUse&) = default;
};

// One exchange, as far as the directory asks.
struct CallerEvent {
  WallTime at;
  Ending ending;
  std::string_view route;
  std::string_view rule;  // that refused
  std::uint32_t revision = 0;
};

class CallerEntry {
 public:
  static constexpr std::size_t kMostRoutes = 12, kMostRefusals = 12, kMostText = 64;
  static constexpr Nanos kSpell = std::chrono::hours(1), kStale = std::chrono::days(7);

  CallerName name;
  Standing standing;
  WallTime first_seen, last_seen;  // where standing.requests > 0: there may be ends alone
  MinuteCounts minutes;
  CallerPace pace;                   // of credentials; what was refused is not in it
  std::vector<RouteUse> routes;      // most requests first
  std::uint64_t other_routes = 0;    // requests of routes that are not listed
  std::vector<RefusalUse> refusals;  // newest first
  std::uint64_t refused = 0;

  // `known`: it was known before this exchange. In order of time, give or take what workers differ by.
  void add(const CallerEvent& event, bool known, std::optional<Nanos> usual = {}) {
    arrive(event);
    end(event, known, usual);
  }
  // The same in two steps, where what became of a request is known only later.
  void arrive(const CallerEvent& event);
  void end(const CallerEvent& event, bool known, std::optional<Nanos> usual = {});
  // `other` is of the same caller.
  void merge(const CallerEntry& other);

  double usual_rate() const;  // requests per active minute
  // The newest refusal where it is not older than `within`; null: it is let pass. One of a log
  // whose zone was told wrongly may lie ahead, beyond what clocks differ by: that is none.
  const RefusalUse* present_refusal(WallTime now, Nanos within) const;

  void encode(std::string& out) const;
  friend bool operator==(const CallerEntry&, const CallerEntry&) = default;

 private:
  void use_route(std::string_view route, WallTime at);
  void refuse(const CallerEvent& event);
  void trim();
  void drop_routes();
};

Result<CallerEntry> decode_caller_entry(std::string_view bytes);

}  // namespace weir::record
