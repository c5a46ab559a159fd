// What the limits of a policy did to an input: whom each refused, how full its fullest bucket was,
// and the value nearest to the given one at which nobody who must not be hurt would have been
// refused.
//
// Nearest safe value. For each bucket the arrivals are kept since it was last full, as long as it
// refused nobody in that time; from a refusal on, that stretch is kept for good. A bucket that was
// full is full under any looser value too, so these stretches are all that a looser value has to be
// tried on: no replay of the input. The arrivals of a stretch run through a bucket of their own
// (GCRA, as decide/limits/table.h), by bisection over the rate with the burst as it is, up to a
// thousand times the rate; where no rate helps, over the burst. Arrivals that another limit refused
// count as charged, so the answer is never too tight. Bound: kMostKept arrivals over all limits; a
// limit that would need more has no answer.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/near.h"
#include "model/policy.h"
#include "model/verdict.h"
#include "record/recording.h"
#include "replay/callers.h"
#include "replay/decider.h"

namespace weir::replay {

struct NearestSafe {
  Rate rate;
  std::uint64_t burst = 1;
};

// One limit as it was asked for one request.
struct LimitAsk {
  LimitId limit;
  std::optional<std::size_t> overridden;  // which override applied
  std::uint64_t key = 0;                  // whose bucket
  double fill = 0;                        // share of the burst in use after the request; 1: refused
  bool refused = false;
  bool expected = false;  // and `expect` of the limit names who asked
};

class LimitWatch {
 public:
  static constexpr std::size_t kMostKept = std::size_t{1} << 24;

  explicit LimitWatch(const Policy& policy);

  // Whoever counts more than this does is told of each.
  void tell(std::function<void(const LimitAsk&)> told) { told_ = std::move(told); }

  // What was decided, and the limits that it asked.
  void add(const Event& event, std::span<const decide::AskedLimit> asked, const Verdict& verdict,
           Callers::Index caller);
  // Brings what it will look at nearer, in two steps: the second follows what the first has brought.
  void expect(std::span<const decide::AskedLimit> asked) const {
    for (const decide::AskedLimit& each : asked) near_.expect(each.key.hash);
  }
  void expect_bucket(std::span<const decide::AskedLimit> asked) const {
    for (const decide::AskedLimit& each : asked) {
      if (Bucket* const* const found = near_.find(each.key.hash)) __builtin_prefetch(*found);
    }
  }

  struct Limited {
    std::uint64_t refused = 0;
    std::unordered_map<Callers::Index, std::uint64_t> callers;  // refused requests of each
    std::unordered_set<Callers::Index> expected;                // of those: whom `expect` names
    double fullest = 0;       // share of the burst that was in use
    bool incomplete = false;  // not all that nearest_safe needs was kept
  };
  const std::vector<Limited>& limits() const { return limited_; }  // parallel to Policy::limits

  // Safe in this reading of the input and in the `other` one, where there are two. Whom `expect` of
  // the limit names need not pass. Nothing: no one of those was refused, or no value within bounds
  // is safe, or too much would have to be kept.
  std::optional<NearestSafe> nearest_safe(LimitId limit,
                                          const std::function<bool(Callers::Index)>& is_protected,
                                          const LimitWatch* other = nullptr) const;

 private:
  struct Ask {
    Stamp stamp;
    Callers::Index caller;
    bool begins;  // a stretch: the bucket was full
  };
  // In one line of memory where it is mostly full.
  struct alignas(64) Bucket {
    boost::container::small_vector<Ask, 1> current;  // since the bucket was last full
    bool refused = false;                            // within `current`
    LimitId limit;
    std::vector<Ask> kept;  // stretches with refusals
  };
  Bucket& bucket(std::uint64_t key);
  void keep(Bucket& bucket, const Ask& ask, bool refused, Limited& limited);
  std::optional<LimitId> refuser(const Verdict& verdict) const;
  using Stretches = std::vector<std::span<const Ask>>;
  void collect(LimitId limit, Stretches& into) const;
  static bool passes(const Pace& pace, const Stretches& stretches,
                     const std::function<bool(Callers::Index)>& must_pass);

  const Policy& policy_;
  std::vector<Limited> limited_;
  std::deque<Bucket> buckets_;
  record::ByDigest<Bucket*> by_key_;
  Near<Bucket*> near_{std::size_t{1} << 17};
  std::size_t kept_ = 0;
  std::function<void(const LimitAsk&)> told_;
};

}  // namespace weir::replay
