// Advice: what the regular look at a configuration finds, from what a Review counted. Each finding
// names its subject and its place, carries its numbers, and the values that would do better, best
// first. Whether one of them is proposed is not decided here: control tries each with the same plan
// over the same input (control/advise_run.h), and proposes only what that finds harmless.
//
// What the input cannot tell is `cannot_judge`, with what would help; it is never taken for fine.
// The thresholds stand in advice_thresholds.h, each with its reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::replay {

enum class Check : std::uint8_t {
  refuses_known,    // a limit refused callers who must not be refused
  little_headroom,  // a limit was nearly full for one of them
  absurd_headroom,  // a limit that stops nobody
  never_hit,        // a route, limit, override or identity rule that no request met
  timeout_short,    // a response timeout below the 99.9th percentile of what was observed
  auth_timeout,     // an auth service's timeout below twice the 99th percentile of its calls
  timeout_long,     // one above the route's total, or above what clients wait
  upstream_timeout, // an upstream that cuts its own work after one duration
  weights,          // an endpoint is sent more than it has ever carried
  capacity,         // an upstream whose peaks near, or have passed, what it has carried
  busy_key,         // one caller makes most of the traffic
  expired,          // a key, or an `expect`, that is past its time or soon will be
  count_,
};
std::string_view to_string(Check check);

// What is looked at as one: named by cannot_judge, and left out by --skip.
enum class Topic : std::uint8_t {
  limits,
  unused,
  timeouts,
  weights,
  capacity,
  keys,
  expiry,
  count_
};
std::string_view to_string(Topic topic);
Topic topic_of(Check check);

// hurts: callers feel it today. soon: they will when traffic grows or time passes. tidy: nobody is
// hurt; the configuration says what is no longer so.
enum class Level : std::uint8_t { hurts, soon, tidy };
std::string_view to_string(Level level);

struct Subject {
  enum class Kind : std::uint8_t {
    limit,
    route,
    upstream,
    identity,
    caller,
    key
  } kind = Kind::limit;
  std::string name;
  std::string part;  // endpoint, override (its number), `expect`
  friend bool operator==(const Subject&, const Subject&) = default;
};
std::string_view to_string(Subject::Kind kind);

struct Measure {
  enum class Unit : std::uint8_t { count, per_s, share, factor, milliseconds, weeks, days, text };
  std::string_view name;  // of a JSON field
  double value = 0;
  Unit unit = Unit::count;
  std::string text;  // where unit is text
};

// One value of the configuration anew, or one part of it taken out.
struct Change {
  enum class Kind : std::uint8_t { rate, burst, response, weight, remove } kind = Kind::rate;
  Subject subject;  // weight: with its endpoint as `part`
  Rate rate;
  std::uint64_t number = 0;  // burst, weight
  Nanos time{0};             // response
};

struct Finding {
  Check check = Check::refuses_known;
  Level level = Level::hurts;
  Subject subject;
  Source source;
  std::vector<Measure> measures;
  std::vector<std::vector<Change>> candidates;  // each whole in itself, the best first
  std::string nothing;                          // why there are none
  const Measure* measure(std::string_view name) const;
};

struct CannotJudge {
  Topic topic = Topic::limits;
  std::string why, hint;
};

// What an upstream has left, whether that is a finding or not.
struct Headroom {
  std::string upstream;
  double peak_per_s = 0;                  // busiest minute of the last week
  double sustained_per_s = 0;             // 0: not known, the input does not say who answered
  std::optional<double> growth_per_week;  // a share; two weeks or more
  std::optional<double> weeks_left;       // where it grows
};

struct BusyKey {
  std::string caller;
  std::uint64_t requests = 0;
  double share = 0;  // of all requests
};

struct Advice {
  static constexpr std::size_t kBusiest = 5;
  std::vector<Finding> findings;   // by level, then in the order of Check and of the policy
  std::vector<Headroom> headroom;  // upstreams that a request went to, in the order of the policy
  std::vector<BusyKey> busiest;    // callers, the busiest first
  std::vector<CannotJudge> cannot_judge;
};

// What is known beyond the input. Times are wall time.
struct AdviceFacts {
  WallTime now;
  std::optional<WallTime> unchanged_since;  // the configuration says the same at least since then
  struct KeyExpiry {
    std::size_t identity = 0;  // index of the rule
    std::string name;
    WallTime expires;
    bool has_other = false;  // the same name has a key that lasts longer
  };
  std::vector<KeyExpiry> keys;
};

// What the findings are made of (replay/review.h); all are read during the call alone.
struct AdviceInput;
Advice advise(const AdviceInput& input);

}  // namespace weir::replay
