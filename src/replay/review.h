// Review: what the regular look at a configuration counts, while a plan (replay/plan.h) runs over
// the same requests: how full each bucket was and whose, which rules were ever used, how long
// answers took, how long clients waited, what each endpoint and upstream carried. At the end of the
// plan Advice (replay/advice.h) is made of it.
//
// Times are those of the input. A minute of an endpoint is clean where at most kFailing of its
// answers were 5xx: the busiest clean one is what the endpoint has sustained.
//
// Bounds: kMostKeys buckets over all limits and each reading, others are counted as not kept;
// kMostHours of peaks, later ones count with the last; kMostFailing minutes that failed an
// upstream, kMostFailed failures of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/histogram.h"
#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"
#include "replay/advice.h"
#include "replay/callers.h"
#include "replay/limit_watch.h"

namespace weir::replay {

struct PlanRequest;
struct PlanReport;

class Review {
 public:
  static constexpr std::size_t kMostKeys = std::size_t{1} << 20;
  static constexpr std::size_t kMostHours = 366 * 24;
  static constexpr std::size_t kMostFailing = 10'000, kMostFailed = 10'000;
  // One answer in a hundred: what a busy service loses on an ordinary day without being overloaded.
  static constexpr double kFailing = 0.01;

  explicit Review(AdviceFacts facts) : facts_(std::move(facts)) {}

  // Called by Plan; policy and names are read until finish() has answered.
  void begin(const Policy& policy, const NameTable& names);
  void turn(WallTime time, Callers::Index caller);  // each request first
  void asked(std::size_t reading, const LimitAsk& ask);
  void decided(const PlanRequest& request, Unjudged why, const Verdict& verdict);  // last
  void finish(const PlanReport& report, const Callers& callers);

  const Advice& advice() const { return advice_; }

  struct KeyUse {  // of one bucket
    double fullest = 0;
    Callers::Index caller = 0;          // who asked when it was fullest
    std::uint32_t minute = 0, now = 0;  // of the minute it is in
    std::uint32_t best = 0;             // requests of its busiest minute
    bool expected = false;              // it refused somebody whom `expect` names
  };
  struct LimitUse {
    std::uint64_t asked = 0;
    std::vector<std::uint64_t> overridden;              // by override
    std::unordered_map<std::uint64_t, KeyUse> keys[2];  // by reading; without overridden ones
    std::unordered_map<Callers::Index, std::uint64_t> refused[2];  // not those that were expected
    bool incomplete = false;
  };
  struct RouteUse {
    std::uint64_t requests = 0;
    std::unique_ptr<Histogram> answered, gone;  // durations; gone: until the client went away
    std::uint64_t timed = 0;                    // with a duration, not gone
    std::uint64_t reached = 0;                  // of those: took the response timeout or longer
    std::uint64_t cut = 0;                      // of those: answered 504
    std::unique_ptr<Histogram> auth;            // calls to the auth service that the route asks
    std::uint64_t auth_reached = 0;             // of those: took its timeout or longer
    std::unique_ptr<Histogram> late;            // of what was cut: good answers that came later
    std::uint64_t late_known = 0;               // of so many it is known whether one did
  };
  struct Load {  // requests a minute
    std::uint64_t minute = 0;
    std::uint32_t now = 0, failed = 0;
    std::uint32_t most = 0, best = 0;  // of any minute, of a clean one
  };
  struct UpstreamUse {
    Load load;
    std::vector<std::uint32_t> hours;    // the busiest minute of each, from the first request on
    std::vector<std::uint32_t> failing;  // requests of each minute that was not clean
    std::vector<std::uint32_t> failed;   // us until it failed by itself, of the first kMostFailed
    std::unique_ptr<Histogram> good;     // durations of its other answers; both of recordings alone
  };
  struct Counts {
    std::vector<LimitUse> limits;  // parallel to the policy's
    std::vector<RouteUse> routes;
    std::vector<std::uint64_t> identities;
    std::vector<Load> endpoints;
    std::vector<UpstreamUse> upstreams;
    std::uint64_t requests = 0, unjudged = 0, evidence_unknown = 0;
    std::uint64_t with_status = 0, with_response = 0, with_endpoint = 0;
    std::optional<WallTime> from, to;
  };

 private:
  void count_times(const PlanRequest& request, const Verdict& verdict);
  void count_auth(const PlanRequest& request, const Verdict& verdict);
  void count_late(const PlanRequest& request, RouteUse& route) const;
  void count_failures(const PlanRequest& request, UpstreamUse& upstream) const;
  void count_load(const PlanRequest& request, const Verdict& verdict);
  void close(Load& endpoint) const;
  void close(UpstreamUse& upstream) const;
  std::optional<std::size_t> endpoint_of(UpstreamId upstream, std::string_view name) const;

  AdviceFacts facts_;
  const Policy* policy_ = nullptr;
  const NameTable* names_ = nullptr;
  Counts counts_;
  std::array<std::size_t, 2> kept_{};
  WallTime time_;
  std::uint64_t minute_ = 0;
  Callers::Index caller_ = 0;
  Advice advice_;
};

struct AdviceInput {
  const Policy& policy;
  const NameTable& names;
  const Review::Counts& counts;
  const PlanReport& report;
  const Callers& callers;
  const AdviceFacts& facts;
};

}  // namespace weir::replay
