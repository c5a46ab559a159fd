// The overrides of a running gateway: which are in force, until when by its own clock, and which
// are idle because what they name is not there. Kept in data_dir/revisions.db (store/overrides.h);
// laid over each revision that goes live (config/overlay.h). What is marked [study] waits for the
// disk; all else belongs to the control loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "config/overlay.h"
#include "control/rehearsal.h"
#include "model/override.h"
#include "store/overrides.h"

namespace weir::control {

// As it is asked for.
struct OverrideQuestion {
  OverrideWhat what;
  Nanos lasts = Override::kDefault;
  std::string author, reason;
  bool person = false;  // who may hurt known callers, knowing it:
  bool yes = false;
};

struct OverrideInForce {
  Override given;
  Stamp until;
  std::string idle;  // why it does nothing now; "": it is laid over
};

// What became of it.
struct Overridden {
  bool done = false;
  bool busy = false;     // not looked at: changes are under way
  bool harms = false;    // refused for what the rehearsal found
  bool unknown = false;  // there is no such override
  std::string error;     // where it was not done
  std::optional<OverrideInForce> override_;
  std::optional<Rehearsal> rehearsal;
};

class Overrides {
 public:
  explicit Overrides(std::string history) : kept_(std::move(history)) {}

  // [study] Those that a gateway before this one left, as far as they are not over; those that are
  // end in the store.
  Result<std::vector<OverrideInForce>> left(const store::Clocks& now) const;
  // [study] Written; with its number.
  Result<Override> keep(const OverrideQuestion& question, std::uint32_t revision,
                        std::uint64_t hurt, const store::Clocks& now) const;
  // [study]
  Result<> end(std::uint32_t number, WallTime at, std::string_view by, std::string_view why) const {
    return kept_.end(number, at, by, why);
  }
  Result<std::vector<store::OverrideRow>> list(std::size_t most) const { return kept_.list(most); }

  void use(std::vector<OverrideInForce> all) { all_ = std::move(all); }
  void add(OverrideInForce one) { all_.push_back(std::move(one)); }
  void remove(std::uint32_t number);
  // What became of them over the revision that is live.
  void note(const config::Laid& laid);
  const std::vector<OverrideInForce>& all() const { return all_; }
  std::vector<Override> given() const;
  const OverrideInForce* find(std::uint32_t number) const;
  std::optional<std::uint32_t> over(Stamp now) const;  // the first whose time is over

 private:
  store::Overrides kept_;
  std::vector<OverrideInForce> all_;  // the older first; at most Override::kMost
};

// Of this boot of the machine; "" where the system does not say. [study]
std::string boot_id();

// "o3"; 0 where it is no such thing.
std::uint32_t read_override_number(std::string_view text);
std::string override_name(std::uint32_t number);

}  // namespace weir::control
