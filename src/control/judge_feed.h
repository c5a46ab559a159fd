// What the judge of a change is told, out of the records of finished exchanges, on the control loop: traffic before any change, so that
// what is usual is known, and both policies' words while one goes out. Fed by TrafficFeed.
//
//   known      the caller is in the directory as known; or established since the gateway began: 20 requests, 95 % of them 2xx or 3xx,
//              those left out that the candidate answered
//   bad        by the glossary (model/standing.h), and an answer that was cut short
//   touched    the policies differ about it: in what they decided, or in its route or upstream (Differs)
//   cuts       of the policy that is not enforced: the time that it took is beyond that policy's timeout. Where the one that is enforced
//              cut it, and nothing says how long it would have taken, the other is believed to have cut it too
//   observed   what plan predicts (rollout/prediction.h), counted over all stages of the change
// Bounds: kMostCallers callers' pasts; those beyond are known by the directory alone.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/time.h"
#include "decide/known_callers.h"
#include "model/records.h"
#include "rollout/judge.h"
#include "rollout/recent.h"
#include "rollout/rollout.h"

namespace weir::control {

// Of what two configurations differ about, as far as it shows in an exchange by route or upstream.
struct Differs {
  bool everywhere = true;
  boost::unordered_flat_set<std::uint32_t> names;   // of routes and upstreams
};

class JudgeFeed {
 public:
  static constexpr std::size_t kMostCallers = std::size_t{1} << 16;

  explicit JudgeFeed(HashKey key) : key_(key), learning_(std::make_unique<rollout::Judge>()) {}

  // Null: nobody is known by a directory.
  void use(std::shared_ptr<const decide::KnownCallers> known);

  // From now on this revision is the candidate.
  void begin(std::uint32_t candidate, Differs differs, Stamp now);
  // A stage of it begins.
  void enter(rollout::Stage stage, Stamp now);
  void redraw(Stamp now) { judge().redraw(now); }
  // It is over.
  void end();

  void add(const ExchangeRecord& record, std::string_view caller, Stamp now);

  rollout::Judge& judge() { return candidate_ == 0 ? *learning_ : *judge_; }
  rollout::Staging staging(Stamp now) { return rollout::staging_of(recent_.traffic(now)); }
  bool judging() const { return candidate_ != 0; }
  Unit unit() const { return unit_; }             // of the change under way
  rollout::Ground ground(Stamp now);
  rollout::Seen seen(Stamp now);                  // in this stage
  const rollout::Observation& observed() const { return observed_; }   // in all stages of the change

 private:
  struct Past {
    std::uint32_t requests = 0, fine = 0;
    bool known = false;                           // by the directory
  };
  bool is_known(const ExchangeRecord& record, std::string_view caller);
  std::uint64_t unit_of(const ExchangeRecord& record) const;
  rollout::Event event_of(const ExchangeRecord& record, bool known) const;
  void count(const rollout::Event& event, Stamp now);
  void observe(const rollout::Event& event);

  HashKey key_;
  std::shared_ptr<const decide::KnownCallers> known_;
  boost::unordered_flat_map<std::uint64_t, Past> pasts_;   // by caller
  rollout::Recent recent_;
  // The one learns what is usual; the other begins as its copy when a change does.
  std::unique_ptr<rollout::Judge> learning_, judge_;
  Unit unit_ = Unit::caller;
  std::uint32_t candidate_ = 0;                   // 0: none
  Differs differs_;
  rollout::Stage stage_;
  rollout::Seen seen_;
  boost::unordered_flat_set<std::uint64_t> units_;
  rollout::Observation observed_;
  boost::unordered_flat_set<std::uint64_t> refused_;   // callers, of observed_
  rollout::BurnRate minute_;                      // its counts of the last minute
};

}  // namespace weir::control
