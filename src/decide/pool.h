// The health of one upstream's endpoints: active checks, ejection by traffic, panic and slow start, put together into what
// Conditions say. Fed with probes, with what became of requests, and with the time; it asks for neither.
//
//   healthy   not found down by active checks, not ejected, and its name has an address
//   panic     fewer are healthy than `panic_below` of the pool; with tiers, of each of them: while one of them is well it is
//             not the checks that are wrong. Then it is the checks that are doubted: whoever took a
//             connection at the last probe is used again; those that refused one stay out, ejected ones too
//   never     is a pool empty: where nobody is left, all are used
// Ejection takes at most `max_share` of the pool, those counted that checks hold down; it ends early when half of what
// the others take has failed since, or the upstream is short of capacity and it was only slow (a fifth of the window later
// at the soonest). An endpoint that comes back starts with a part of its turns and has all of them after `slow_start`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/boxed.h"
#include "base/time.h"
#include "decide/active_check.h"
#include "decide/ejection.h"
#include "model/conditions.h"
#include "model/outcomes.h"
#include "model/policy.h"

namespace weir::decide {

// Something that an operator wants to read.
struct PoolEvent {
  enum class Kind : std::uint8_t { check_down, check_up, ejected, returned, recalled, spared, panic_begins, panic_ends,
                                   breaker_opens, breaker_half_open, breaker_closes };
  Kind kind = Kind::check_down;
  std::uint32_t offset = 0;     // of the endpoint in its upstream; panics: how many are healthy
  EjectFinding why;             // ejected, spared (would have been, but max_share are out already); breaker_opens: own share
  Nanos time{0};                // ejected, breaker_opens: how long
};

enum class EndpointState : std::uint8_t { healthy, check_down, ejected, no_address };
std::string_view to_string(EndpointState state);

class Pool {
 public:
  // Rules and endpoints of the newest policy, which stays until the next call; what is known of endpoints that stay is kept.
  void use(const Upstream& upstream, std::span<const Endpoint> endpoints);

  void on_outcomes(std::size_t offset, const Outcomes& outcomes, Stamp now);
  void on_probe(std::size_t offset, Probe probe, Stamp now);
  void on_address(std::size_t offset, bool has_one);   // of an endpoint that is given by name
  // Ends ejections, warms, judges. When it wants to be called next, at the latest. `is_short`: the upstream has more to do
  // than it can; then requests queue at its endpoints, here longer and there shorter, and nobody is slow by itself.
  Stamp tick(Stamp now, bool is_short = false);

  // One for each endpoint, as of the last call of the above.
  void write(Stamp now, std::span<EndpointConditions> out) const;
  EndpointState state(std::size_t offset) const;
  bool panics() const { return panics_; }
  std::span<const PoolEvent> events() const { return events_; }
  void forget_events() { events_.clear(); }

 private:
  struct Member {
    std::uint64_t identity = 0;
    bool takes = true;                 // its weight is not 0
    std::uint8_t tier = 0;
    bool nowhere = false;              // its name has no address
    ActiveCheck check;
    Boxed<OutcomeWindow> window;       // once it had traffic that may be compared
    std::uint32_t failures_in_a_row = 0;     // now
    std::uint32_t longest_row = 0;           // since it was judged last
    bool ejected = false;
    EjectReason reason = EjectReason::consecutive;   // of that
    bool spared = false;               // told
    std::uint32_t times = 0;           // ejected lately
    Stamp since, until;                // of the ejection
    Stamp back = Stamp::min();         // since it came back; min: it never was away
  };
  bool healthy(const Member& member) const { return !member.ejected && !member.nowhere && !member.check.down(); }
  bool is_missed(const Member& ejected, Stamp now) const;
  std::vector<Performance> performances(Stamp now) const;
  void judge(std::size_t offset, std::span<const Performance> all, Stamp now);
  void eject(std::size_t offset, const EjectFinding& why, Stamp now);
  void count();
  bool some_tier_is_well() const;
  std::uint8_t warmth(const Member& member, Stamp now) const;
  void tell(PoolEvent event);

  const Upstream* rules_ = nullptr;
  std::vector<Member> members_;
  std::size_t takers_ = 0, healthy_ = 0;   // of those that take requests
  bool panics_ = false, is_short_ = false;
  Stamp judged_ = Stamp::min();            // all of them, last
  Stamp lenient_until_ = Stamp::min();     // one had to be taken back: nobody follows it out for a window
  bool row_seen_ = false;                  // that is long enough, and not judged yet
  std::vector<PoolEvent> events_;
};

}  // namespace weir::decide
