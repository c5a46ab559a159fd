// Recorded traffic of a gateway, and what a follower finds when it decides it again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/follower.h"
#include "replay/recorded_for_tests.h"

namespace weir::replay {

using decide::PolicyBuilder;
using decide::prefix;

// Four limits of different keys, one of them shared by all, one before authentication; a route that wants a credential.
struct Gateway : PolicyBuilder {
  Gateway(std::uint32_t revision, std::uint64_t per_caller, std::uint64_t all = 250, bool closed_is_free = false) {
    policy.revision = revision;
    policy.hash = "h" + std::to_string(per_caller) + "-" + std::to_string(all);
    policy.listeners.emplace_back().name = names.intern("public");
    policy.watched_headers = {"x-tenant"};
    identity("partner");
    policy.identities[0].header = "x-api-key";
    policy.identities[0].keys_file = "/keys.yaml";
    upstream("catalog", {1, 1});
    limit("per-ip", {KeyKind::client_ip}, 60, 30).before_auth = true;
    limit("per-caller", {KeyKind::caller}, per_caller, 2 * per_caller);
    limit("per-tenant", {KeyKind::header}, 40, 20).key[0].watched = 0;
    limit("all", {KeyKind::all}, all, 100);
    Route& orders = route("orders", prefix("/orders"));
    orders.limits = {LimitId{0}, LimitId{1}, LimitId{2}, LimitId{3}};
    Route& closed = route("closed", prefix("/closed"));
    if (!closed_is_free) own_settings(closed).auth.require.push_back(IdentityId{0});
    closed.limits = {LimitId{0}, LimitId{1}};
    route("free", prefix("/free"));
    prepared();
  }
  std::shared_ptr<const Policy> shared() const { return std::make_shared<const Policy>(policy); }
};

// `seconds` of 400 requests a second by 12 callers of very different rates: some are refused all the time.
inline std::vector<TestRequest> traffic(double seconds, std::uint64_t seed, std::uint16_t workers, double begin = 100) {
  static const std::vector<std::string> subjects = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(400);
  std::vector<TestRequest> requests;
  for (double at = begin; at < begin + seconds; at += gap(random)) {
    TestRequest& r = requests.emplace_back();
    r.at_ns = static_cast<std::int64_t>(at * 1e9);
    r.worker = static_cast<std::uint16_t>(random() % workers);
    const std::size_t who = std::min<std::size_t>(11, static_cast<std::size_t>(std::countl_zero(random() | 1)));
    r.client = Address::v4(10, 1, 0, static_cast<std::uint8_t>(who));
    r.headers = {{"host", "x"}};
    if (who % 3 != 0) {
      r.headers.emplace_back("x-api-key", "secret");
      r.evidence = {valid(subjects[who])};
    }
    if (who % 2 == 0) r.headers.emplace_back("x-tenant", "t" + std::to_string(who % 4));
    r.path = random() % 8 == 0 ? "/closed/1" : random() % 8 == 0 ? "/free" : "/orders/" + std::to_string(random() % 1000);
  }
  return requests;
}

struct Followed {
  FollowerCounts counts;
  std::deque<Mismatch> examples;
  std::uint64_t unjudged(Unfollowed why) const { return counts.unjudged[static_cast<std::size_t>(why)]; }
};

using Arrivals = std::vector<record::RecordedArrival>;

inline Arrivals kept(const record::Recording& recording, const std::function<bool(std::size_t)>& keep) {
  Arrivals kept;
  for (std::size_t i = 0; i < recording.arrivals.size(); ++i) {
    if (keep(i)) kept.push_back(recording.arrivals[i]);
  }
  return kept;
}

// What `followers` makes of them, one at a time; many at once must come to the same.
inline Followed follow(const std::function<std::unique_ptr<Follower>()>& followers, const Arrivals& arrivals) {
  const auto by = [&](std::size_t some) {
    const std::unique_ptr<Follower> follower = followers();
    for (std::span<const record::RecordedArrival> left = arrivals; !left.empty();) {
      const auto next = left.first(std::min(some, left.size()));
      follower->follow(next);
      left = left.subspan(next.size());
    }
    follower->settle(Stamp::max());
    return Followed{.counts = follower->counts(), .examples = follower->examples()};
  };
  const Followed followed = by(1);
  for (const std::size_t some : {std::size_t{7}, std::max<std::size_t>(arrivals.size(), 1)}) {
    const Followed together = by(some);
    EXPECT_EQ(together.counts, followed.counts) << some;
    EXPECT_EQ(together.examples, followed.examples) << some;
  }
  return followed;
}

inline Followed follow(const std::vector<const Gateway*>& gateways, const record::Recording& recording,
                const std::function<bool(std::size_t)>& keep = [](std::size_t) { return true; }) {
  const Gateway& newest = *gateways.back();
  const Followed followed = follow([&] {
    auto follower = std::make_unique<Follower>(newest.names, recording, Follower::Options{.seed = kSeed, .limit_cells = 1 << 16});
    for (const Gateway* each : gateways) follower->policy(each->policy.revision, 0, each->shared());
    return follower;
  }, kept(recording, keep));
  for (const Mismatch& m : followed.examples) {
    std::printf("  %s/%s/%s became %s/%s/%s\n", info(m.recorded.cause).name.data(), m.recorded.route.c_str(), m.recorded.rule.c_str(),
                info(m.decided.cause).name.data(), m.decided.route.c_str(), m.decided.rule.c_str());
  }
  return followed;
}

inline std::size_t refused(const record::Recording& recording) {
  return static_cast<std::size_t>(std::ranges::count(recording.arrivals, Cause::limit_rejected, &Arrival::cause));
}

// A block of a net and of a caller, a cap and a pause.
inline void lay_over(Gateway& gateway) {
  gateway.policy.laid = 7;
  Overlay overlay;
  overlay.restraints.push_back({.name = gateway.names.intern("o1"), .net = *Net::parse("10.1.0.0/31"), .caller = {}});
  overlay.restraints.push_back({.name = gateway.names.intern("o2"), .net = {}, .caller = {"c"}});
  Limit& cap = gateway.limit("o3", {KeyKind::caller}, 5, 3);
  cap.cause = Cause::caller_capped;
  overlay.restraints.push_back({.name = cap.name, .net = {}, .caller = {"b"}, .cap = LimitId{4}});
  overlay.paused = {NameId::none(), NameId::none(), gateway.names.intern("o4")};
  gateway.policy.overlay = std::make_shared<const Overlay>(overlay);
  gateway.prepared();
}

}  // namespace weir::replay
