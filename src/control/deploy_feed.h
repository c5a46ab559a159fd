// Deploys behind the gateway: who may be announced, how it was with them before, and what the judge (rollout/deploy.h) says since.
// Fed by TrafficFeed, on the control loop; nothing of it stands in a request's way.
//
//   upstream   an exchange is its when it was asked, or would have been asked by a route that asks nobody else, but for its breaker,
//              its health or what is under way there. Bad are those, what is bad for anybody (record/flight.h) and not the gateway's
//              own no, and those in which an attempt failed though a later one did not
//   caller     by credential or service; bad are 5xx, 401, 403, 429, timeouts, answers cut short, the caller gone
//   split      of a route whose parts are named stable and candidate, the two against each other (rollout/two_arms.h); bad as for an
//              upstream. Announced by itself when it is live, once for each way its weights are set, and again after harm
// A name that is several is judged as each. An upstream whose answers name their version (`version_header`) is judged arm against
// arm while both versions run, before against after while one does; an attempt without an answer is of the version that its endpoint
// had last.
//
// What is here is in memory; control/deploy_rows.h keeps it over a restart, but for the pasts of who was not announced.
// Bounds: kMostUpstreams, kMostCallers of ten minutes each (10 KB); where they are taken, one that was silent for ten minutes makes
// room, else a newcomer has no past. kMostUnderWay deploys at once, of which kMostCompared arm against arm; the newest kMostKept are
// listed.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/records.h"
#include "rollout/deploy.h"
#include "rollout/two_arms.h"

namespace weir::control {

// "Subject runs version from now on."
struct Announcement {
  std::string subject, version, author, reason;
  std::int64_t watch_s = 0;
};

// A split of the live policy whose parts are named.
struct JudgedSplit {
  NameId route, stable, candidate;
  std::string subject, version;              // texts of route and candidate
  std::string weights;                       // "v41 95, v42 5"
};

// Arms, and whose an exchange is.
struct Compared {
  NameId route, stable, candidate;           // of a split
  NameId upstream;                           // else of one upstream, by version
  std::uint64_t version = 0;                 // the candidate's
  bool by_caller = false;                    // a caller stays with one endpoint
  rollout::TwoArms arms;
};

struct AnnouncedDeploy {
  struct As {
    rollout::Role role = rollout::Role::upstream;
    std::shared_ptr<rollout::SubjectPast> seen;   // null: there is no room, and no past; a split has none
    std::int64_t next = 0;                   // second to tell
    rollout::Deploy deploy;
    std::shared_ptr<Compared> compared;      // null: nothing is compared
    // Arm against arm, or before against after: harmed by either; healthy by either at the end.
    rollout::DeployAnswer answer() const;
  };
  std::uint64_t id = 0;                      // from 1
  Announcement announced;
  WallTime began;
  std::vector<As> as;                        // one to three; none: nobody of that name was seen
  std::string split;                         // JudgedSplit::weights; "": it is none
  std::string returned;                      // the override that gave its requests back to the stable part; "": none did
  // What became of it outside: whether the store has it, or its answer; when that was tried last; what was said of it.
  bool kept = false, kept_answer = false;
  Stamp kept_at;
  bool told = false, told_stuck = false;

  // Harmed in any role; else under way in any; else healthy in any.
  rollout::DeployAnswer answer() const;
};

class DeployFeed {
 public:
  static constexpr std::size_t kMostUpstreams = 256, kMostCallers = 1024, kMostUnderWay = 16, kMostKept = 64, kMostCompared = 4, kMostEndpoints = 4096;

  explicit DeployFeed(HashKey key) : key_(key) {}

  // Which route's requests are which upstream's, where they got to none, and which splits are judged.
  void use(const Policy& policy, const NameTable& names);
  void add(const ExchangeRecord& record, std::string_view caller, Stamp now, double weight);
  void turn(Stamp now);                      // judges the seconds that are whole now

  // As what its subject is: each that has this name, or its split alone. Error: busy.
  enum class As : std::uint8_t { each, split };
  Result<std::uint64_t> announce(Announcement announcement, Stamp now, WallTime wall, As as = As::each);
  // What a gateway before this one had announced and is under way, `as` without pasts; after `use`.
  void restore(AnnouncedDeploy deploy, Stamp now, WallTime wall);
  // It had found no harm in this split, which need not be watched again.
  void was_judged(std::string subject, std::string weights) { judged_.emplace(std::move(subject), std::move(weights)); }
  void number_from(std::uint64_t last) { announced_ = std::max(announced_, last); }
  // Splits that came with the policy are announced, those that went have ended.
  void watch_splits(Stamp now, WallTime wall);

  const std::deque<AnnouncedDeploy>& deploys() const { return deploys_; }   // oldest first
  std::deque<AnnouncedDeploy>& deploys() { return deploys_; }
  AnnouncedDeploy* find(std::uint64_t id);

 private:
  using Pasts = boost::unordered_flat_map<std::uint64_t, std::shared_ptr<rollout::SubjectPast>>;
  struct Known {
    NameId name;
    std::string version_header;
    bool by_caller = false;
  };
  std::uint64_t key_of(std::string_view text) const { return keyed_hash(key_, text); }
  Pasts& pasts(rollout::Role role) { return role == rollout::Role::upstream ? upstreams_ : callers_; }
  std::shared_ptr<rollout::SubjectPast> past(rollout::Role role, std::uint64_t key, std::int64_t second);
  void watch(AnnouncedDeploy& deploy, rollout::Role role, std::uint64_t key, Stamp now);
  void compare(AnnouncedDeploy::As& as, const JudgedSplit& split, Nanos watch, Stamp now);
  void compare(AnnouncedDeploy::As& as, const Known& upstream, const Announcement& announced, Nanos watch, Stamp now);
  void end_split(AnnouncedDeploy& deploy);
  AnnouncedDeploy& make_room();
  AnnouncedDeploy* split_of(std::string_view route);   // the newest
  const JudgedSplit* judged_split(std::string_view route) const;
  std::uint64_t version_of(const ExchangeRecord& record);
  void add_to_arms(const ExchangeRecord& record, NameId upstream, bool bad, Stamp now);
  void judge(AnnouncedDeploy::As& as, Stamp now);

  HashKey key_;
  boost::unordered_flat_map<std::uint32_t, NameId> homes_;   // upstreams, by route
  boost::unordered_flat_map<std::string, Known> known_;      // upstreams, by their text
  std::vector<JudgedSplit> splits_;
  Pasts upstreams_, callers_;
  boost::unordered_flat_map<std::uint32_t, std::uint64_t> versions_;   // the last that each endpoint told
  std::vector<std::shared_ptr<Compared>> compared_;          // under way
  std::set<std::pair<std::string, std::string>> judged_;     // splits, by a gateway before this one
  std::int64_t swept_ = 0;                   // second
  std::deque<AnnouncedDeploy> deploys_;
  std::uint64_t announced_ = 0;
};

}  // namespace weir::control
