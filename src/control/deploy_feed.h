// Deploys behind the gateway: who may be announced, how it was with them before, and what the judge (rollout/deploy.h) says since.
// Fed by TrafficFeed, on the control loop; nothing of it stands in a request's way.
//
//   upstream   an exchange is its when it was asked, or would have been asked by a route that asks nobody else, but for its breaker,
//              its health or what is under way there. Bad are those, what is bad for anybody (record/flight.h) and not the gateway's
//              own no, and those in which an attempt failed though a later one did not
//   caller     by credential or service; bad are 5xx, 401, 403, 429, timeouts, answers cut short, the caller gone
// A name that is both is judged as both.
//
// Kept in memory: a gateway that starts anew has forgotten them.
// Bounds: kMostUpstreams, kMostCallers of ten minutes each (10 KB); where they are taken, one that was silent for ten minutes makes
// room, else a newcomer has no past. kMostUnderWay deploys at once, the newest kMostKept are listed.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/records.h"
#include "rollout/deploy.h"

namespace weir::control {

// "Subject runs version from now on."
struct Announcement {
  std::string subject, version, author, reason;
  std::int64_t watch_s = 0;
};

struct AnnouncedDeploy {
  struct As {
    rollout::Role role = rollout::Role::upstream;
    std::shared_ptr<rollout::SubjectPast> seen;   // null: there is no room, and no past
    std::int64_t next = 0;                   // second to tell
    rollout::Deploy deploy;
  };
  std::uint64_t id = 0;                      // from 1
  Announcement announced;
  WallTime began;
  std::vector<As> as;                        // one or two; none: nobody of that name was seen

  // Harmed in any role; else under way in any; else healthy in any.
  rollout::DeployAnswer answer() const;
};

class DeployFeed {
 public:
  static constexpr std::size_t kMostUpstreams = 256, kMostCallers = 1024, kMostUnderWay = 16, kMostKept = 64;

  explicit DeployFeed(HashKey key) : key_(key) {}

  // Which route's requests are which upstream's, where they got to none.
  void use(const Policy& policy);
  void add(const ExchangeRecord& record, std::string_view caller, Stamp now, double weight);
  void turn(Stamp now);                      // judges the seconds that are whole now

  // Error: busy.
  Result<std::uint64_t> announce(Announcement announcement, NameId upstream, Stamp now, WallTime wall);
  const std::deque<AnnouncedDeploy>& deploys() const { return deploys_; }   // oldest first

 private:
  using Pasts = boost::unordered_flat_map<std::uint64_t, std::shared_ptr<rollout::SubjectPast>>;
  std::uint64_t key_of(std::string_view caller) const { return keyed_hash(key_, caller); }
  Pasts& pasts(rollout::Role role) { return role == rollout::Role::upstream ? upstreams_ : callers_; }
  std::shared_ptr<rollout::SubjectPast> past(rollout::Role role, std::uint64_t key, std::int64_t second);
  void watch(AnnouncedDeploy& deploy, rollout::Role role, std::uint64_t key, Stamp now);

  HashKey key_;
  boost::unordered_flat_map<std::uint32_t, NameId> homes_;   // upstreams, by route
  Pasts upstreams_, callers_;
  std::int64_t swept_ = 0;                   // second
  std::deque<AnnouncedDeploy> deploys_;
  std::uint64_t announced_ = 0;
};

}  // namespace weir::control
