// The four measured guards: what the candidate's arm suffers beside the control's.
//
//   bad       newly bad cells: any, mostly, and of exchanges about which the policies differ
//   refused   newly refused cells of known callers
//   slow      cells beyond the control's p99 of their route: any, mostly
//   volume    units that have gone silent (presence.h)
//
// Each is watched in the whole and in slices: every route, method, identity and group. A guard's evidence is the mean over
// them, the whole with weight 1/2, each of 512 slices with 1/1024, and in each over its signals; the mean of e-processes is
// one. A slice alone must bring 1,024 times the evidence; a group of 20 callers of which all fail does so within a minute.
// Alpha 0.001 is split over the four: a guard rolls back at 4,000.
//
// In the watched hour everybody is the candidate's, and there is no second arm. Then what is newly bad among exchanges about
// which the policies differ is held against what was usual before (`since`). What the world does in that hour looks just like
// harm to it, so it raises a suspicion, and a comparison side by side decides.
// Bounds: 512 slices; what belongs to further ones counts in the whole alone.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
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
  enum class Phase : std::uint8_t { arms, watch, comparison };   // arms: also where control is alone
  void close(std::int32_t round, Stamp now, Phase phase);    // ends the round
  void begin_stage();                                        // arms are drawn; shares are counted anew
  // The comparisons of a watched hour are one test of its own, which begins with the first. What was usual is kept.
  void begin_comparison(std::int32_t round);
  void redraw(std::int32_t round);                           // arms are drawn anew by lot: every unit may speak again
  void begin_watch();                                        // evidence since the change is begun anew
  const GuardReading& reading(Guard guard) const { return readings_[static_cast<std::size_t>(guard)]; }
  const GuardReading& since() const { return since_; }   // count and of: newly bad cells, cells at risk; control: before
  double log_beside() const { return beside_.log_value(); }   // evidence of both arms of the comparison, as since() is made
  // Newly bad cells of the whole in this stage, and cells at risk, of the rounds in which both arms had some.
  const Arms& at_risk() const { return at_risk_; }
  const Arms& newly_bad() const { return newly_bad_; }
  std::uint64_t left_out() const { return cells_.left_out(); }
  void units_return(bool whether) { cells_.units_return(whether); }

 private:
  struct Slice {
    SliceName name;
    std::array<SideBySide, kSignals> side;
    Arms since_risk, since_bad;             // of touched_bad; control: before, candidate: in the watched hour
    BeforeAfter since;
    std::array<Arms, kSignals> risk, bad;   // this round
    Arms touched_risk, touched_bad;         // whatever the last redraw
  };
  std::uint32_t slice_of(SliceName name);
  void step(Slice& slice, Phase phase);
  double usual(const Slice& slice) const;
  void settle();
  void mean_over_slices(GuardReading& reading, const std::function<double(const Slice&)>& log_evidence) const;

  Cells cells_;
  Slow slow_;
  Presence presence_;
  SideBySide volume_;
  std::vector<Slice> slices_;   // the first is the whole
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> places_;
  std::array<GuardReading, kGuards> readings_;
  GuardReading since_;
  BeforeAfter beside_;
  bool compared_ = false;
  Arms at_risk_, newly_bad_;
};

}  // namespace weir::rollout
