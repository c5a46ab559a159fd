// The follower's judgement: arrivals of this run of the gateway, decided again in the order of replay under the policies
// that decided them, and each verdict (cause, rule, route) compared with the live one. Exactness is a metric by it, not a
// hope. Who reads the segments and keeps the order is control/follower_thread.h.
//
// One table of limits over all revisions, as live: a limit that a change leaves alone keeps its state, a changed one starts
// full. While two policies decide each has its own, as live (docs/design/028-two-policies.md): each request is decided again in both,
// and the verdict that was enforced is compared. After a difference the state is brought to what live did (a charge given back or made), so that one cause is one
// difference and not a hundred.
//
// What cannot be judged is counted with its reason and never as equal:
//   missing    never read: dropped, damaged, skipped to catch up, or made while nothing was recorded
//   warming    a limit asked whose state is in doubt after something was missing, or was let through by live at the moment when
//              its table was copied (replay/buckets.h)
//   late       came after younger ones had been decided
//   policy     of a revision that is not kept any more
//   not_asked  answered before decide was asked: a body over the cap by its own announcement
//   and what replay cannot rebuild (replay::Unjudged, replay/decider.h)
// One difference is expected: two workers that touched one bucket within a millisecond may have charged it in another order
// than their stamps; where the bucket has not been full since, a different verdict of its limit is `reordered`.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "decide/limits.h"
#include "decide/limits/table.h"
#include "model/names.h"
#include "model/policy.h"
#include "record/segment.h"
#include "replay/buckets.h"
#include "replay/decider.h"
#include "replay/rebuild.h"
#include "replay/replay.h"

namespace weir::replay {

enum class Unfollowed : std::uint8_t { missing, warming, late, policy, not_asked, facts, count_ };
std::string_view to_string(Unfollowed why);

struct FollowerCounts {
  std::uint64_t judged = 0;                // compared; the next three are of these
  std::uint64_t mismatches = 0, reordered = 0;
  std::uint64_t carried_over = 0;          // refused for admission: fed from the recording, not decided anew
  std::array<std::uint64_t, static_cast<std::size_t>(Unfollowed::count_)> unjudged{};
  bool operator==(const FollowerCounts&) const = default;
};

// What policies leave in the limits, and what is known of them by that, after they have been forgotten.
struct PolicyTraces {
  Nanos longest{0};                        // that a bucket of any of them can owe
  bool unrecorded = false;                 // requests were decided that the follower is not given
  void add(const Policy& policy);
  void add(const PolicyTraces& more);
};

class Follower {
 public:
  static constexpr std::size_t kMostPolicies = 8, kMostRevisions = 256;   // an older revision cannot be judged
  static constexpr std::size_t kExamples = 20;

  struct Options {
    HashKey seed;                          // of the installation
    std::size_t limit_cells = 1 << 20;     // as many as the gateway has
  };
  // All must outlive it. `recording`: shapes, policies and conditions that arrivals refer to; it grows as it is read.
  Follower(const NameTable& names, const record::Recording& recording, Options options);

  // Before its first arrival. A worker that nothing is said of begins with the first of its arrivals that is seen.
  void begins(WorkerId worker, std::uint64_t sequence) { next_.insert_or_assign(worker.value, sequence); }
  // Before the first arrival under it. A revision that overrides are laid over comes more than once: arrivals under it, and those
  // that it decides beside, go by the last policy whose first conditions are not above theirs.
  void policy(std::uint32_t revision, std::uint64_t first_conditions, std::shared_ptr<const Policy> policy);
  // Of policies that it is not told of any more: arrivals under them cannot be judged. Of arrivals that it is not given (`unrecorded`):
  // what they charged is in doubt.
  void passed_over(const PolicyTraces& traces);
  // Whether one judge does for both.
  static bool decide_alike(const Policy& one, const Policy& other) { return one.hash == other.hash && one.laid == other.laid; }
  // `revision`, whose policy is known, decides every request too from now on, in a table of its own: a copy of what was in use, taken
  // at some time between the two stamps. And: from then on nobody but `revision` decides, in the table that it has.
  void decides_beside(std::uint32_t revision, Stamp from, Stamp until);
  void decides_alone(std::uint32_t revision, Stamp from);
  // In the order of replay. Those that nothing comes between are decided together, one waiting for the memory of several.
  void follow(std::span<const record::RecordedArrival> arrivals);
  void follow(const record::RecordedArrival& arrival) { follow(std::span(&arrival, 1)); }
  // Nothing before `now` will be compared any more: differences that waited for their surroundings are counted.
  void settle(Stamp now);

  const FollowerCounts& counts() const { return counts_; }
  const std::deque<Mismatch>& examples() const { return examples_; }   // the last ones
  const decide::limits::Table& limits() const { return first_->limits; }
  bool two_decide() const { return second_ != nullptr || !changes_.empty(); }
  bool warming() const { return traces_.unrecorded || first_->doubt.active() || (second_ != nullptr && second_->doubt.active()); }
  Stamp position() const { return last_; }

 private:
  struct Judge {
    std::shared_ptr<const Policy> policy;
    Decider decider;
    Rebuilder rebuilder;
    ConditionsThen conditions;
    Judge(std::shared_ptr<const Policy> policy, const NameTable& names, const record::Recording& recording, DeciderOptions options);
  };
  struct Revision {
    std::uint32_t revision;
    std::uint64_t first_conditions;
    std::shared_ptr<Judge> judge;
  };
  // The limits of one of two policies, and what is known of them.
  struct Seat {
    decide::limits::Table limits;
    BucketDoubt doubt;
    Crossings crossings;
    explicit Seat(std::size_t cells) : limits(cells) {}
  };
  struct Change {
    std::uint32_t revision;
    Stamp from, until;
    bool beside;
    bool exact;                            // it was told before its time
  };
  // A difference that may yet turn out to be one of order.
  struct Open {
    Stamp stamp;
    const Seat* seat;
    std::vector<std::uint64_t> keys;
    Mismatch mismatch;
  };

  void count(Unfollowed why, std::uint64_t how_many = 1) { counts_.unjudged[static_cast<std::size_t>(why)] += how_many; }
  Judge* judge(std::uint32_t revision, std::uint64_t conditions);
  std::size_t distinct_judges() const;
  bool in_sequence(const Arrival& arrival);
  std::size_t take_together(std::span<const record::RecordedArrival> arrivals);
  void follow_together(std::span<const record::RecordedArrival> arrivals);
  void follow_alone(const record::RecordedArrival& arrival);
  void take_seats(Stamp now);
  Seat& seat_of(std::uint32_t revision) { return second_ != nullptr && revision == second_revision_ ? *second_ : *first_; }
  Seat* seat_beside(const Arrival& arrival);
  void doubt_all(Stamp now);
  bool copying(const Arrival& arrival) const { return second_ != nullptr && arrival.second == 0 && arrival.stamp <= copied_until_; }
  void decided(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt, const Decider::Seen& seen);
  void decide_beside(const record::RecordedArrival& arrival, const Judge& enforced, const Rebuilt& seen, Seat& seat);
  void touch(Seat& seat, const Arrival& arrival, const Outcome& decided);
  void judged(const Arrival& arrival);
  void compare(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt, const Verdict& verdict);
  void gather(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt, const Verdict& verdict);
  bool passed(const decide::AskedLimit& of_group, const Outcome& outcome) const;
  bool blocks_by_name(std::string_view rule) const;
  bool same_name(NameId recorded, NameId live);
  Outcome outcome_of(const Policy& policy, const Verdict& verdict) const;
  void steer(Seat& seat, const Outcome& live, const Outcome& decided, Stamp now);
  bool is_certain(Seat& seat, const Outcome& decided, Stamp now);
  void learn(Seat& seat, const Outcome& live, Stamp now);
  void learn_of_either(Seat& seat, const Outcome& decided, Stamp now);
  void copied_or_not(const Outcome& live, Stamp now);
  void add_mismatch(Mismatch mismatch);

  const NameTable& names_;
  const record::Recording& recording_;
  Options options_;
  std::unique_ptr<Seat> first_, second_;                    // second_: of second_revision_, while two decide
  std::uint32_t second_revision_ = 0;
  Stamp copied_until_ = Stamp::min();                       // what was charged before may be in the copy, or not
  std::deque<Change> changes_;                              // told, and not yet reached
  std::deque<Revision> revisions_;
  std::unordered_map<std::uint16_t, std::uint64_t> next_;   // sequence of each worker
  std::vector<NameId> live_names_;                          // by name of the recording, the last one that was the same
  std::vector<Rebuilt> rebuilt_;                            // of those that are decided together
  decide::AskedLimits applied_;                             // to the request at hand
  std::vector<decide::AskedLimit> asked_;                 // enforcing ones, of the request at hand
  const Overlay* overlay_ = nullptr;                        // of its policy
  std::vector<std::pair<decide::AskedLimit, Stamp>> fresh_;   // of them, those first seen in doubt: may owe until then
  PolicyTraces traces_;                                     // `unrecorded` until the next arrival
  std::deque<Open> open_;
  Stamp last_ = Stamp::min();
  FollowerCounts counts_;
  std::deque<Mismatch> examples_;
};

}  // namespace weir::replay
