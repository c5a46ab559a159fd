// The follower's judgement: arrivals of this run of the gateway, decided again in the order of replay under the policies
// that decided them, and each verdict (cause, rule, route) compared with the live one. Exactness is a metric by it, not a
// hope. Who reads the segments and keeps the order is control/follower_thread.h.
//
// One table of limits over all revisions, as live: a limit that a change leaves alone keeps its state, a changed one starts
// full. After a difference the state is brought to what live did (a charge given back or made), so that one cause is one
// difference and not a hundred.
//
// What cannot be judged is counted with its reason and never as equal:
//   missing    never read: dropped, damaged, skipped to catch up, or made while nothing was recorded
//   warming    a limit asked whose state is in doubt after something was missing (replay/buckets.h)
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
  std::uint64_t judged = 0;                // compared; the next two are of these
  std::uint64_t mismatches = 0, reordered = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Unfollowed::count_)> unjudged{};
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
  // Before the first arrival under it. A revision that overrides are laid over comes more than once: arrivals under it go by the
  // last policy whose first conditions are not above theirs.
  void policy(std::uint32_t revision, std::uint64_t first_conditions, std::shared_ptr<const Policy> policy);
  // In the order of replay. ahead(n): the arrival n places on, or null, whose memory is asked for early.
  void follow(const record::RecordedArrival& arrival);
  template <class Ahead>
  void follow(const record::RecordedArrival& arrival, const Ahead& ahead) {
    if (const Judge* const judge = this->judge(arrival)) judge->rebuilder.expect(ahead);
    follow(arrival);
  }
  // Nothing before `now` will be compared any more: differences that waited for their surroundings are counted.
  void settle(Stamp now);

  const FollowerCounts& counts() const { return counts_; }
  const std::deque<Mismatch>& examples() const { return examples_; }   // the last ones
  const decide::limits::Table& limits() const { return limits_; }
  bool warming() const { return doubt_.active(); }
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
  // A difference that may yet turn out to be one of order.
  struct Open {
    Stamp stamp;
    std::vector<std::uint64_t> keys;
    Mismatch mismatch;
  };

  void count(Unfollowed why, std::uint64_t how_many = 1) { counts_.unjudged[static_cast<std::size_t>(why)] += how_many; }
  Judge* judge(const Arrival& arrival);
  std::size_t distinct_judges() const;
  bool in_sequence(const Arrival& arrival);
  void compare(const record::RecordedArrival& arrival, Judge& judge, const Rebuilt& rebuilt, const Verdict& verdict);
  void gather(const record::RecordedArrival& arrival, Judge& judge, const Rebuilt& rebuilt, const Verdict& verdict);
  bool passed(const decide::AskedLimit& of_group, const Outcome& outcome) const;
  bool blocks_by_name(std::string_view rule) const;
  void steer(const Outcome& live, const Outcome& decided, Stamp now);
  bool is_certain(const Outcome& decided, Stamp now);
  void learn(const Outcome& live, Stamp now);
  void add_mismatch(Mismatch mismatch);

  const NameTable& names_;
  const record::Recording& recording_;
  Options options_;
  decide::limits::Table limits_;
  std::deque<Revision> revisions_;
  std::unordered_map<std::uint16_t, std::uint64_t> next_;   // sequence of each worker
  decide::AskedLimits applied_;                             // to the request at hand
  std::vector<decide::AskedLimit> asked_;                 // enforcing ones, of the request at hand
  const Overlay* overlay_ = nullptr;                        // of its policy
  std::vector<std::pair<decide::AskedLimit, Stamp>> fresh_;   // of them, those first seen in doubt: may owe until then
  BucketDoubt doubt_;
  Crossings crossings_;
  std::deque<Open> open_;
  Stamp last_ = Stamp::min();
  bool unrecorded_ = false;                                 // requests were decided that nobody recorded
  FollowerCounts counts_;
  std::deque<Mismatch> examples_;
};

}  // namespace weir::replay
