// The circle, closed over the whole gateway: a simulated run with a limit and callers of very different appetite goes
// through the real proxy, its arrivals through the real records into a segment file. Read back and decided again under
// the same policy no verdict differs; under a limit of a twentieth those are named whom an independent reckoning names;
// and the core of `weir explain` answers for one of the requests, spending nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decide/decide.h"
#include "decide/identity.h"
#include "decide/trace.h"
#include "export/worker_records.h"
#include "fmt/core.h"
#include "gateway.h"
#include "io/listener.h"
#include "io/scope.h"
#include "io/sim/chance.h"
#include "io/sim/world.h"
#include "ledger.h"
#include "message.h"
#include "peer.h"
#include "record/segment.h"
#include "replay/follower.h"
#include "replay/rebuild.h"
#include "replay/replay.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HashKey kSeed{.k0 = 11, .k1 = 13};
constexpr std::int64_t kRate = 60, kBurst = 60;
constexpr std::size_t kCallers = 30;

std::string policy_with(std::int64_t rate, std::int64_t burst) {
  return fmt::format("version: 1\n"
                     "listeners: [{{name: public, address: 10.1.0.1:80, trusted_proxies: [127.0.0.0/8]}}]\n"
                     "identity: [{{name: services, service: {{header: X-Service, from: [192.0.2.0/24]}}}}]\n"
                     "limits: [{{name: per-caller, key: caller, rate: {}/s, burst: {}}}]\n"
                     "upstreams: [{{name: shop, endpoints: [10.2.0.1:9001, 10.2.0.1:9002]}}]\n"
                     "routes:\n"
                     "  - {{name: orders, match: {{path: /orders/*}}, upstream: shop, limits: [per-caller]}}\n"
                     "  - {{name: health, match: {{path: /health}}, respond: {{status: 200, body: fine}}}}\n",
                     rate, burst);
}

std::string changed_policy() {
  std::string text = policy_with(kRate / 2, kBurst / 2);
  const std::string_view limits = "limits: [";
  text.insert(text.find(limits) + limits.size(), "{name: everybody, key: all, rate: 200/s, burst: 100}, ");
  const std::string_view asked = "limits: [per-caller]}";
  text.replace(text.find(asked), asked.size(), "limits: [per-caller, everybody]}");
  return text;
}

// A leaky bucket by its definition, in integers: requests times nanoseconds times rate.
struct Bucket {
  static constexpr std::int64_t kOne = 1'000'000'000;
  std::int64_t rate, full, level, last = 0;
  bool seen = false;
  Bucket(std::int64_t per_second, std::int64_t burst) : rate(per_second), full(burst * kOne), level(full) {}
  std::int64_t level_at(std::int64_t now) const { return seen ? std::min(full, level + (now - last) * rate) : full; }
  bool take(std::int64_t now) {
    level = level_at(now);
    seen = true;
    last = now;
    if (level < kOne) return false;
    level -= kOne;
    return true;
  }
};

class Circle : public testing::Test {
 protected:
  explicit Circle(std::size_t workers = 2) : world_(7), clients_(world_.kernel("clients")), upstreams_(world_.kernel("upstreams")) {
    gateway_ = std::make_unique<Gateway>(world_, ledger_, Gateway::Options{.workers = workers, .seed = kSeed, .also = [this](std::size_t) {
      return records_.emplace_back(std::make_unique<exporting::WorkerRecords>(none_, kOptions)).get();
    }, .on_conditions = [this](const Conditions& now, const Policy& policy) {
      record::RecordedConditions& said = conditions_.emplace_back(record::RecordedConditions{.number = now.number, .unusable = {}, .peaks = now.peaks});
      for (std::size_t i = 0; i < now.endpoints.size(); ++i) {
        if (!now.endpoints[i].usable) said.unusable.push_back(policy.endpoints[i].identity);
      }
    }});
  }
  // Some 5,000 requests in 15 s: 100 a second by the hungriest caller, one by the most modest; every third caller is known
  // by its address alone.
  void run() {
    ASSERT_TRUE(gateway_->publish(first_));
    auto shaper = std::make_shared<record::Shaper>(gateway_->policy(), gateway_->names(), kSeed);
    for (const auto& records : records_) records->use(gateway_->policy().revision, shaper);
    std::vector<io::Loop*> loops = gateway_->loops();
    loops.push_back(&clients_);
    loops.push_back(&upstreams_);
    std::vector<io::Listener> listeners;
    io::Scope serving(upstreams_), asking(clients_);
    for (const char* address : {"10.2.0.1:9001", "10.2.0.1:9002"}) {
      listeners.push_back(std::move(io::Listener::open(upstreams_, SocketAddress::parse(address).value()).value()));
    }
    for (io::Listener& listener : listeners) serving.spawn([&] { return accept(listener, serving); });
    world_.run(loops, world_.now() + milliseconds(20));
    for (std::size_t i = 0; i < kCallers; ++i) asking.spawn([this, i] { return caller(i); });
    record::SegmentWriter writer({.installation = InstallationId::of(kSeed), .wall = {}, .stamp = {}, .number = 1}, gateway_->names(), file_);
    writer.policy({.revision = gateway_->policy().revision, .hash = gateway_->policy().hash, .literals = shaper->literals().segments()});
    for (int i = 0; i < 60; ++i) {
      if (i == change_at_) change(writer);
      if (const auto known = learned_at_.find(i); known != learned_at_.end()) gateway_->use_peaks(known->second);
      const bool done = world_.run(loops, world_.now() + seconds(1), [&] { return asking.running() == 0; });
      if (done) world_.run(loops, world_.now() + milliseconds(200));   // the last tick hands the last buffers on
      empty_lanes(writer);
      if (done) break;
    }
    ASSERT_EQ(asking.running(), 0u);
    writer.flush();
    ASSERT_TRUE(record::read_segment(std::as_bytes(std::span(file_)), recording_));
    record::sort_arrivals(recording_);
    for (io::Listener& listener : listeners) listener.close();
    gateway_->cut();
    serving.cancel();
    ASSERT_TRUE(world_.run(loops, world_.now() + seconds(1), [&] { return gateway_->over() && serving.running() == 0; }));
  }

  // Another rate for each caller, and a new limit on all; what was there before and is the same goes on as it stood.
  void change(record::SegmentWriter& writer) {
    ASSERT_TRUE(gateway_->publish(changed_policy()));
    auto shaper = std::make_shared<record::Shaper>(gateway_->policy(), gateway_->names(), kSeed);
    for (const auto& records : records_) records->use(gateway_->policy().revision, shaper);
    empty_lanes(writer);
    writer.policy({.revision = gateway_->policy().revision, .hash = gateway_->policy().hash, .literals = shaper->literals().segments()});
  }

  io::Task<> accept(io::Listener& listener, io::Scope& serving) {
    for (;;) {
      auto stream = co_await listener.accept(io::kNever);
      if (!stream) co_return;
      serving.spawn([](io::Stream taken) -> io::Task<> {
        Peer peer(std::move(taken));
        for (;;) {
          while (peer.in.find("\r\n\r\n") == std::string::npos) {
            if (!co_await peer.fill(peer.now() + seconds(100))) co_return;
          }
          peer.in.clear();
          if (!co_await peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", peer.now() + seconds(5))) co_return;
        }
      }, std::move(*stream));
    }
  }

  io::Task<> caller(std::size_t number) {
    io::sim::Chance chance(number + 100);
    auto stream = co_await io::Stream::connect(clients_, SocketAddress::parse("10.1.0.1:80").value(), clients_.now() + seconds(5));
    EXPECT_TRUE(stream.has_value());
    Peer peer(std::move(*stream));
    const Stamp until = clients_.now() + seconds(15);
    while (clients_.now() < until) {
      const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 192.0.2.{}\r\n{}\r\n",
                                              chance.per_mille(50) ? "/health" : fmt::format("/orders/{}", chance.below(100'000)), number + 1,
                                              number % 3 == 0 ? "" : fmt::format("X-Service: service-{}\r\n", number));
      if (!co_await peer.say(request, clients_.now() + seconds(5))) co_return;
      MessageReader answer(MessageReader::Want::answer);
      while (answer.read(peer.in) != MessageReader::State::whole) {
        if (!co_await peer.fill(clients_.now() + seconds(5))) co_return;
      }
      ++answers_[answer.message().status()];
      (void)co_await clients_.sleep_for(milliseconds(chance.below(16 * (number + 1) + 2 * number * number)));
    }
  }

  // As the scribe does it.
  void empty_lanes(record::SegmentWriter& writer) {
    for (const record::RecordedConditions& said : std::exchange(conditions_, {})) writer.conditions(said);
    for (const auto& records : records_) {
      while (exporting::Buffer* buffer = records->record_lane()->next()) {
        writer.add(std::span(buffer->bytes).first(buffer->used));
        records->record_lane()->give_back(buffer);
      }
    }
  }

  static std::string caller_of(const ArrivalSeen& seen) { return seen.caller.empty() ? seen.client : seen.caller; }
  std::vector<const ArrivalSeen*> limited() const {
    std::vector<const ArrivalSeen*> all;
    for (const ArrivalSeen& seen : ledger_.arrivals) {
      if (seen.route == "orders") all.push_back(&seen);
    }
    return all;   // one world, one time: already in the order of their stamps
  }

  static constexpr exporting::WorkerRecordsOptions kOptions{.log_buffers = 0, .record_buffers = 64, .ring_slots = 64};
  io::sim::SimWorld world_;
  Ledger ledger_;
  NameTable none_;   // of the access log, which is off
  std::vector<std::unique_ptr<exporting::WorkerRecords>> records_;
  io::Loop clients_, upstreams_;
  std::unique_ptr<Gateway> gateway_;
  std::vector<record::RecordedConditions> conditions_;   // published, not yet written
  std::string file_;   // a segment
  record::Recording recording_;
  std::map<int, std::size_t> answers_;
  std::string first_ = policy_with(kRate, kBurst);
  int change_at_ = -1;   // seconds after the start; never
  std::map<int, std::shared_ptr<const CallerPeaks>> learned_at_;   // likewise
};

// At any number of workers, over a change of policy: on the simulated clock a stamp is the moment of the charge, so there is no
// order but one.
class CircleOfWorkers : public Circle, public testing::WithParamInterface<std::size_t> {
 protected:
  CircleOfWorkers() : Circle(GetParam()) { change_at_ = 7; }
};

TEST_P(CircleOfWorkers, TheFollowerFindsEveryVerdictEqual) {
  run();
  ASSERT_FALSE(HasFatalFailure());
  const std::size_t sent = ledger_.arrivals.size();
  ASSERT_EQ(recording_.arrivals.size(), sent);
  EXPECT_GT(answers_[429], sent / 20);
  const auto revised = std::ranges::count(recording_.arrivals, 2u, &Arrival::revision);
  EXPECT_GT(static_cast<std::size_t>(revised), sent / 4);
  std::set<std::uint16_t> workers;
  for (const Arrival& arrival : recording_.arrivals) workers.insert(arrival.exchange.worker.value);
  EXPECT_EQ(workers.size(), GetParam());

  replay::Follower follower(gateway_->names(), recording_, {.seed = kSeed, .limit_cells = 4096});
  for (const auto& policy : gateway_->policies()) follower.policy(policy->revision, 0, policy);
  for (const record::RecordedArrival& arrival : recording_.arrivals) follower.follow(arrival);
  follower.settle(Stamp::max());
  EXPECT_EQ(follower.counts().judged, sent);
  EXPECT_EQ(follower.counts().mismatches, 0u);
  EXPECT_EQ(follower.counts().reordered, 0u);
}
INSTANTIATE_TEST_SUITE_P(Any, CircleOfWorkers, testing::Values(1, 2, 3, 8));

// Peaks that come, change and go while traffic runs: each service is held at three times its own, by buckets that start full with
// each rate; whose is not known by the default, addresses by nothing. And decided again it is the same.
TEST_F(Circle, LearnedRatesHoldAsReckonedAndAreDecidedAgainAlike) {
  constexpr std::int64_t kDefault = 20;
  first_ = policy_with(1, 1);
  const std::string_view fixed = "rate: 1/s, burst: 1";
  first_.replace(first_.find(fixed), fixed.size(), fmt::format("for: {{identity: [services]}}, learned: {{default: {}/s}}", kDefault));
  const auto policy = gateway_->compile(first_);
  const auto peaks = [&](std::uint64_t number, const std::map<std::string, std::uint32_t>& by_name) {
    auto made = std::make_shared<CallerPeaks>(CallerPeaks{.number = number, .all = {}});
    for (const auto& [name, peak] : by_name)
      made->all.push_back({.caller = decide::caller_digest(policy->identities[0], name, kSeed), .per_second = peak, .days = 3});
    std::ranges::sort(made->all, {}, &CallerPeak::caller);
    return made;
  };
  const std::map<std::uint64_t, std::map<std::string, std::uint32_t>> known = {
      {1, {}}, {2, {{"service-1", 5}, {"service-2", 40}}}, {3, {{"service-1", 8}, {"service-4", 2}}}, {4, {}}};
  for (const auto& [number, by_name] : known) learned_at_[static_cast<int>(number - 1) * 4] = peaks(number, by_name);
  run();
  ASSERT_FALSE(HasFatalFailure());

  std::map<std::pair<std::string, std::int64_t>, Bucket> buckets;
  std::map<std::uint64_t, std::size_t> refused;   // by the number of the peaks
  for (const ArrivalSeen* seen : limited()) {
    const record::RecordedConditions* const then = recording_.condition(seen->arrival.conditions, 0);
    ASSERT_NE(then, nullptr);
    const std::uint64_t number = then->peaks == nullptr ? 0 : then->peaks->number;
    const std::string who = caller_of(*seen);
    const bool passed = seen->arrival.cause == Cause::none;
    if (!who.starts_with("service-")) {
      EXPECT_TRUE(passed) << who;
      continue;
    }
    const auto of = known.find(number);
    const bool has_past = of != known.end() && of->second.contains(who);
    const std::int64_t rate = has_past ? 3 * std::int64_t{of->second.at(who)} : kDefault;
    const bool passes = buckets.try_emplace({who, rate}, rate, 2 * rate).first->second.take(seen->arrival.stamp.time_since_epoch().count());
    EXPECT_EQ(passes, passed) << who << " under " << number;
    refused[number] += passed ? 0 : 1;
  }
  for (const std::uint64_t number : {1, 2, 3, 4}) EXPECT_GT(refused[number], 20u) << number;
  EXPECT_TRUE((buckets.contains({"service-1", 15}) && buckets.contains({"service-1", 24}) && buckets.contains({"service-4", 6})));

  const replay::ExactReport exact = replay::compare_with_recorded(gateway_->policy(), gateway_->names(), recording_, {.seed = kSeed});
  EXPECT_EQ(exact.judged, ledger_.arrivals.size());
  EXPECT_EQ(exact.differing, 0u);
}

TEST_F(Circle, WhatWasRecordedIsDecidedAgainAlikeAndUnderATwentiethNamesWhoIsHurt) {
  run();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_GT(answers_[200], 2000u);
  EXPECT_GT(answers_[429], 200u);
  ASSERT_EQ(recording_.arrivals.size(), ledger_.arrivals.size());

  const Policy& live = gateway_->policy();
  const replay::ExactReport exact = replay::compare_with_recorded(live, gateway_->names(), recording_, {.seed = kSeed});
  EXPECT_EQ(exact.judged, ledger_.arrivals.size());
  EXPECT_EQ(exact.differing, 0u);

  std::map<std::string, Bucket> now, then;
  std::map<std::string, std::uint64_t> hurt;
  for (const ArrivalSeen* seen : limited()) {
    const std::int64_t at = seen->arrival.stamp.time_since_epoch().count();
    const std::string who = caller_of(*seen);
    const bool passes = now.try_emplace(who, kRate, kBurst).first->second.take(at);
    EXPECT_EQ(passes, seen->arrival.cause == Cause::none) << who;
    if (!then.try_emplace(who, kRate / 20, kBurst / 20).first->second.take(at) && passes) ++hurt[who];
  }
  EXPECT_GT(hurt.size(), kCallers / 3);
  EXPECT_LT(hurt.size(), kCallers);   // the modest ones are not hurt

  const auto tight = gateway_->compile(policy_with(kRate / 20, kBurst / 20));
  const replay::HarmReport report = replay::compare_policies(live, *tight, gateway_->names(), recording_, {.seed = kSeed});
  std::map<std::string, std::uint64_t> named;
  for (const replay::CallerHarm& caller : report.callers) {
    if (caller.harm.newly_refused > 0) named[caller.name] = caller.harm.newly_refused;
  }
  EXPECT_EQ(named, hurt);
  EXPECT_EQ(report.callers_newly_refused, hurt.size());
  EXPECT_EQ(report.callers_active, kCallers);
}

// What `weir explain` asks and is told.
struct Told final : decide::Trace {
  std::map<std::uint32_t, decide::RouteFit> routes;
  std::string caller;
  std::optional<LimitView> limit;
  std::set<std::uint32_t> endpoints;
  void on_route(const decide::RouteStep& step) override { routes[step.route.value] = step.fit; }
  void on_caller(const decide::CallerStep& step) override { caller = step.subject; }
  void on_limit(const decide::LimitStep& step) override { limit = step.view; }
  void on_endpoint(const decide::EndpointStep& step) override { endpoints.insert(step.endpoint.value); }
};

TEST_F(Circle, ExplainAnswersForARequestOfTheRunAndSpendsNothing) {
  run();
  ASSERT_FALSE(HasFatalFailure());
  const ArrivalSeen* last = nullptr;
  Bucket bucket(kRate, kBurst);
  for (const ArrivalSeen* seen : limited()) {
    if (caller_of(*seen) != "service-1") continue;
    (void)bucket.take(seen->arrival.stamp.time_since_epoch().count());
    last = seen;
  }
  ASSERT_NE(last, nullptr);
  const auto recorded = std::ranges::find(recording_.arrivals, last->arrival.exchange, &Arrival::exchange);
  ASSERT_NE(recorded, recording_.arrivals.end());

  const Policy& policy = gateway_->policy();
  replay::Rebuilder rebuilder(policy, gateway_->names(), recording_, kSeed);
  const replay::Rebuilt request = rebuilder.rebuild(*recorded);
  ASSERT_EQ(request.why, replay::Unjudged::none);
  Conditions conditions{.number = 1, .endpoints = std::vector<EndpointConditions>(policy.endpoints.size())};
  for (int again = 0; again < 3; ++again) {
    const Stamp at = last->arrival.stamp + milliseconds(5);
    Told told;
    decide::AskedLimits asked;
    decide::limits::InFlight in_flight(64);
    decide::Decision decision(policy,
                              {.limits = gateway_->limits(), .asked = asked, .balancer = gateway_->worker(0).seat(gateway_->worker(0).epochs().newest()).balancer, .conditions = conditions,
                               .in_flight = in_flight, .seed = kSeed},
                              last->arrival.exchange, {.spend = false, .trace = &told});
    ASSERT_EQ(decision.on_head(request.facts), decide::Step::need_evidence);
    ASSERT_EQ(decision.on_evidence(request.facts, request.evidence), decide::Step::need_stamp);
    ASSERT_EQ(decision.on_stamp(request.facts, at), decide::Step::decided);
    EXPECT_EQ(told.routes[0], decide::RouteFit::chosen);
    EXPECT_EQ(told.routes[1], decide::RouteFit::path);
    EXPECT_EQ(told.caller, "service-1");
    const std::int64_t level = bucket.level_at(at.time_since_epoch().count());
    ASSERT_TRUE(told.limit.has_value());
    EXPECT_EQ(told.limit->would_refuse, level < Bucket::kOne);
    EXPECT_EQ(static_cast<std::int64_t>(told.limit->remaining), level < Bucket::kOne ? 0 : level / Bucket::kOne - 1);
    EXPECT_EQ(decision.verdict().action, level < Bucket::kOne ? Action::refuse : Action::forward);
    if (level >= Bucket::kOne) EXPECT_EQ(told.endpoints.size(), 2u);
  }
}

}  // namespace
}  // namespace weir::simulated
