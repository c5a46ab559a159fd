// Which share of requests the response timeouts of a policy would cut, from recorded durations.
// Modelled, not decided: an upstream that is cut may be asked again, and durations change with
// load; so each share comes with an interval.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/policy.h"
#include "model/records.h"

namespace weir::replay {

// Wilson's score interval of a share, 95 % (Wilson 1927).
struct Interval {
  double low = 0, high = 1;
};
Interval wilson(double hits, double of);

class Timeouts {
 public:
  explicit Timeouts(const Policy& after);

  // Brings what add() looks at nearer.
  void expect(RouteId route) const { __builtin_prefetch(&counts_[route.index()], 1); }

  // `before`: the timeout that the base had; nothing: none, or the base is what happened. 0: it was
  // cut whatever it took. `weight`: exchanges that this one stands for.
  void add(RouteId route, Nanos took, std::optional<Nanos> before, std::uint64_t weight = 1);

  // One that was cut after `took` then, and what came of it afterwards, `late_time` from its
  // arrival.
  struct Cut {
    Nanos took{0};
    LateResult late = LateResult::not_asked;
    Nanos late_time{0};
    std::uint64_t weight = 1;
  };
  void add_cut(RouteId route, const Cut& cut);

  // What is let pass that was cut then, by what is known of late answers: `in_time` of `known`.
  struct Passed {
    std::uint64_t cut_then = 0, known = 0, in_time = 0;
    double allowed = 0, low = 0, high = 0;  // of cut_then; Wilson, 95 %
  };

  struct Count {
    std::uint64_t of = 0, cut = 0;  // weights
    std::uint64_t squares = 0;      // of weights
    // Of cut / of. Uneven weights make a sample worth less than its size: of^2 / squares (Kish
    // 1965).
    Interval interval() const;
    // Of those that were cut then and would be waited for longer: how many there are, of how many
    // it is known what came late, and how many of these would have been in time.
    std::uint64_t longer = 0, known = 0, in_time = 0;
    Nanos response = Nanos::max();  // the route's timeout; max: none
    std::optional<Passed> passed() const;  // absent: nothing is known
  };
  const std::vector<Count>& counts() const { return counts_; }  // by route

 private:
  std::vector<Count> counts_;
};

}  // namespace weir::replay
