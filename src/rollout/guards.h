// The four measured guards: what the candidate's arm suffers beside the control's, and after the change beside before.
//
//   bad       newly bad cells: any, mostly, and of exchanges about which the policies differ; in the watched hour these last
//             alone, since everybody is the candidate's and what the world does then has no second arm to show in
//   refused   newly refused cells of known callers
//   slow      cells beyond the control's p99 of their route: any, mostly
//   volume    units that have gone silent (presence.h)
//
// Each is watched in the whole and in slices: every route, method, identity and group. A guard's evidence is the mean over
// them, the whole with weight 1/2, each of 512 slices with 1/1024, and in each over its signals; the mean of e-processes is
// one. A slice alone must bring 1,024 times the evidence; a group of 20 callers of which all fail does so within a minute.
// Alpha 0.001 is split over the four: a guard rolls back at 4,000.
// Bounds: 512 slices; what belongs to further ones counts in the whole alone.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rollout/cells.h"
#include "rollout/event.h"
#include "rollout/evidence.h"
#include "rollout/presence.h"
#include "rollout/slow.h"

namespace weir::rollout {

enum class Guard : std::uint8_t { bad, refused, slow, volume };
inline constexpr std::size_t kGuards = 4;
inline constexpr double kAlpha = 0.001;
inline constexpr double kRollsBackAt = kGuards / kAlpha;   // 4,000
std::string_view to_string(Guard guard);

struct SliceName {
  enum class Kind : std::uint8_t { whole, route, method, identity, group } kind = Kind::whole;
  std::uint64_t value = 0;   // NameId::value of routes and identities, digest of methods and groups
  friend bool operator==(const SliceName&, const SliceName&) = default;
};
std::string_view to_string(SliceName::Kind kind);

// One guard, as a screen shows it. Shares are of exchanges (volume: of units that are usual), for people; the evidence is of
// cells.
struct GuardReading {
  double log_evidence = 0;    // natural logarithm; rolls back at log(kRollsBackAt)
  double log_highest = 0;     // ever
  SliceName worst;            // with the strongest evidence
  double log_worst = 0;       // its own, before its weight
  Arms count, of;             // since the stage began: exchanges that are bad (refused, slow), of all that could be
};

class Guards {
 public:
  static constexpr std::size_t kSlices = 512;

  Guards();
  void add(const Event& event);
  void close(std::int32_t round, Stamp now, bool watched);   // ends the round; watched: all are the candidate's
  void begin_stage();                                        // shares are counted anew
  GuardReading reading(Guard guard) const;
  // Newly bad cells of the whole in this stage, and cells at risk, of the rounds in which both arms had some.
  const Arms& at_risk() const { return at_risk_; }
  const Arms& newly_bad() const { return newly_bad_; }
  std::uint64_t left_out() const { return cells_.left_out(); }

 private:
  struct Slice {
    SliceName name;
    std::array<SideBySide, kSignals> side;
    Arms before, before_bad;                // touched_bad of control's cells: candidate is not used
    BeforeAfter after;                      // of the same signal
    std::array<Arms, kSignals> risk, bad;   // this round
  };
  std::uint32_t slice_of(SliceName name);
  void step(Slice& slice, bool watched);
  double log_evidence(const Slice& slice, Guard guard) const;
  void settle();

  Cells cells_;
  Slow slow_;
  Presence presence_;
  SideBySide volume_;
  std::vector<Slice> slices_;   // the first is the whole
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> places_;
  std::array<GuardReading, kGuards> readings_;
  Arms at_risk_, newly_bad_;
};

}  // namespace weir::rollout
