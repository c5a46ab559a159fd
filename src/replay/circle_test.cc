// The circle: requests decided with limits, recorded the real way, read back and decided again. Under the same policy no
// verdict differs; under a limit of a twentieth the report names the callers that an independent computation names.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/recorded_for_tests.h"
#include "replay/replay.h"

namespace weir::replay {
namespace {

using decide::PolicyBuilder;
using decide::exact;
using decide::prefix;

// Three routes under one limit per caller; `health` has none, `closed` wants a credential.
struct Gateway : PolicyBuilder {
  explicit Gateway(std::uint64_t per_second, std::uint64_t burst, NameTable* shared = nullptr) {
    if (shared != nullptr) names = std::move(*shared);
    policy.revision = 42;
    policy.listeners.emplace_back().name = names.intern("public");
    policy.watched_headers = {"x-device", "x-tier"};
    policy.watched_queries = {"plan"};
    identity("partner");
    policy.identities[0].header = "x-api-key";
    policy.identities[0].keys_file = "/keys.yaml";
    upstream("catalog", {1, 1});
    limit("per-caller", {KeyKind::caller}, per_second, burst);
    Limit& device = limit("per-device", {KeyKind::header}, 50, 50);
    device.key[0].watched = 0;
    device.mode = LimitMode::observe;
    const auto with_limits = [&](std::string_view name, RouteMatch match) -> Route& {
      Route& made = route(name, std::move(match));
      made.limits = {LimitId{0}, LimitId{1}};
      return made;
    };
    with_limits("orders", prefix("/orders"));
    with_limits("order-2024", exact("/orders/2024"));
    Route& gold = with_limits("gold", prefix("/orders"));
    gold.match.headers.push_back({.watched = 1, .value = "gold"});
    Route& plan = with_limits("plan", prefix("/plans"));
    plan.match.queries.push_back({.watched = 0, .value = "pro"});
    route("health", exact("/health"));
    own_settings(route("closed", prefix("/closed", {}, {"POST"}))).auth.require.push_back(IdentityId{0});
    prepared();
  }
};

// Skewed callers: caller k sends about 1/(k+1) of what caller 0 sends; every third one has no credential.
std::vector<TestRequest> traffic(std::size_t count) {
  std::mt19937_64 random(20260102);
  std::vector<double> weights;
  static const std::vector<std::string> subjects = [] {
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i) names.push_back("caller-" + std::to_string(i));
    return names;
  }();
  for (std::size_t i = 0; i < subjects.size(); ++i) weights.push_back(1.0 / static_cast<double>(i + 1));
  std::discrete_distribution<std::size_t> who(weights.begin(), weights.end());
  std::exponential_distribution<double> gap(900.0);   // requests a second over all
  std::vector<TestRequest> requests;
  double seconds = 100;
  for (std::size_t i = 0; i < count; ++i) {
    seconds += gap(random);
    TestRequest& r = requests.emplace_back();
    r.at_ns = static_cast<std::int64_t>(seconds * 1e9);
    r.worker = static_cast<std::uint16_t>(random() % 2);
    const std::size_t caller = who(random);
    r.client = Address::v4(10, 1, 0, static_cast<std::uint8_t>(caller));
    r.headers = {{"host", "x"}, {"user-agent", "test"}};
    if (caller % 3 != 0) {
      r.headers.emplace_back("x-api-key", "secret");
      r.evidence = {valid(subjects[caller])};
    }
    switch (random() % 8) {
      case 0: r.path = "/health"; break;
      case 1: r.path = "/orders/2024"; break;
      case 2: r.path = "/closed/" + std::to_string(random() % 1000); r.method = random() % 2 == 0 ? "POST" : "GET"; break;
      case 3: r.path = "/plans"; r.query = random() % 2 == 0 ? "plan=pro" : "plan=free"; break;
      case 4: r.path = "/nowhere"; break;
      default: r.path = "/orders/" + std::to_string(random() % 100000); break;
    }
    if (random() % 16 == 0) r.hops = static_cast<std::uint8_t>(random() % 12);   // 8 is the default depth
    if (random() % 4 == 0) r.headers.emplace_back("x-tier", random() % 2 == 0 ? "gold" : "silver");
    if (random() % 2 == 0) r.headers.emplace_back("x-device", "device-" + std::to_string(random() % 50));
  }
  return requests;
}

// A leaky bucket by its definition, in exact integers: level in thousandths of a request times nanoseconds.
class Bucket {
 public:
  Bucket(std::uint64_t per_second, std::uint64_t burst) : rate_(per_second), full_(static_cast<std::int64_t>(burst) * kOne), level_(full_) {}
  bool take(std::int64_t now) {
    if (seen_) level_ = std::min(full_, level_ + (now - last_) * static_cast<std::int64_t>(rate_));
    seen_ = true;
    last_ = now;
    if (level_ < kOne) return false;
    level_ -= kOne;
    return true;
  }

 private:
  static constexpr std::int64_t kOne = 1'000'000'000;
  std::uint64_t rate_;
  std::int64_t full_, level_, last_ = 0;
  bool seen_ = false;
};

bool is_limited(const TestRequest& r) {
  return r.hops < 8 && (r.path.starts_with("/orders") || (r.path == "/plans" && r.query == "plan=pro"));
}
// Where no route matched nobody asked for a credential: then the address is all that is known.
bool is_routed(const TestRequest& r) {
  if (r.hops >= 8) return false;   // refused before anybody is asked who it is
  return is_limited(r) || r.path == "/health" || (r.path.starts_with("/closed") && r.method == "POST");
}
std::string name_of(const TestRequest& r) {
  return r.evidence.empty() || !is_routed(r) ? to_string(r.client) : std::string(r.evidence[0].subject);
}

TEST(Circle, NoVerdictDiffersUnderTheSamePolicy) {
  Gateway gateway(60, 120);
  Recorder recorder(gateway.policy, gateway.names);
  std::map<Cause, int> causes;
  for (const TestRequest& request : traffic(6000)) ++causes[recorder.decide(request).cause];
  recorder.refuse_bytes();
  // The run is worth something: every kind of answer is in it.
  EXPECT_GT(causes[Cause::none], 1000);
  EXPECT_GT(causes[Cause::limit_rejected], 50);
  EXPECT_GT(causes[Cause::no_route], 100);
  EXPECT_GT(causes[Cause::auth_denied], 50);
  EXPECT_GT(causes[Cause::method_not_allowed], 50);
  EXPECT_GT(causes[Cause::loop_detected], 50);

  const record::Recording recording = recorder.finish();
  ASSERT_EQ(recording.arrivals.size(), 6001u);
  const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recording, {.seed = kSeed});
  EXPECT_EQ(report.arrivals, 6001u);
  EXPECT_EQ(report.judged, 6000u);
  EXPECT_EQ(report.differing, 0u);
  EXPECT_EQ(report.unjudged[static_cast<std::size_t>(Unjudged::no_facts)], 1u);
  for (const Mismatch& m : report.examples) {
    ADD_FAILURE() << m.exchange.sequence << ": " << info(m.recorded.cause).name << "/" << m.recorded.route << " became "
                  << info(m.decided.cause).name << "/" << m.decided.route;
  }
  EXPECT_LT(static_cast<double>(recorder.file().size()) / 6000, 40.0);   // bytes an arrival, shapes included
}

// Many at once are prepared ahead of each other; live decided them one by one.
TEST(Circle, ManyAtOnceAreDecidedAsLiveDidOneByOne) {
  Gateway gateway(60, 120);
  Recorder recorder(gateway.policy, gateway.names);
  std::vector<Verdict> live;
  for (const TestRequest& request : traffic(6000)) live.push_back(recorder.decide(request));
  const record::Recording recording = recorder.finish();
  Replay replay(gateway.policy, gateway.names, recording, {.seed = kSeed});
  std::size_t at = 0;
  // The lengths: none at all, one, fewer than are prepared ahead, as many, more, and all that may come at once.
  for (std::size_t round = 0; at < live.size(); ++round) {
    static constexpr std::size_t kLengths[] = {0, 1, 7, 16, 17, kBatch};
    const std::size_t size = std::min(kLengths[round % std::size(kLengths)], live.size() - at);
    std::size_t told = 0;
    replay.decide(std::span(recording.arrivals).subspan(at, size), [&](std::size_t i, const Replay::Answer& answer) {
      EXPECT_EQ(i, told++);
      const Verdict &is = answer.verdict, &was = live[at + i];
      EXPECT_EQ(answer.why, Unjudged::none);
      EXPECT_EQ(is.cause, was.cause);
      EXPECT_EQ(is.route, was.route);
      EXPECT_EQ(is.endpoint, was.endpoint);
      EXPECT_EQ(is.rule.name, was.rule.name);
      EXPECT_EQ(is.retry_after, was.retry_after);
      EXPECT_EQ(is.would_refuse_count, was.would_refuse_count);
    });
    EXPECT_EQ(told, size);
    at += size;
  }
}

// Values that arrivals bring themselves, one of which a limit counts by, on paths that are recorded by class: as many as are
// kept at hand, and more.
TEST(Circle, AnyNumberOfWatchedValuesIsBroughtByEachArrival) {
  for (const std::size_t watched : {1u, 7u, 8u, 9u}) {
    PolicyBuilder gateway;
    gateway.policy.revision = 42;
    gateway.policy.listeners.emplace_back().name = gateway.names.intern("public");
    for (std::size_t i = 0; i < watched; ++i) {
      (i % 2 == 0 ? gateway.policy.watched_headers : gateway.policy.watched_queries).push_back("v" + std::to_string(i));
    }
    const std::size_t last = watched - 1, index = last / 2;
    gateway.upstream("catalog", {1});
    Limit& limit = gateway.limit("per-value", {last % 2 == 0 ? KeyKind::header : KeyKind::query}, 5, 5);
    limit.key[0].watched = static_cast<std::uint16_t>(index);
    gateway.route("orders", prefix("/orders")).limits = {LimitId{0}};
    gateway.prepared();

    Recorder recorder(gateway.policy, gateway.names);
    std::mt19937_64 random(watched);
    std::size_t refused = 0;
    for (std::size_t n = 0; n < 3000; ++n) {
      TestRequest request;
      request.at_ns = static_cast<std::int64_t>((100 + double(n) / 100) * 1e9);
      request.client = Address::v4(10, 1, 0, 1);
      request.path = "/orders/" + std::to_string(random() % 100000);
      request.headers = {{"host", "x"}};
      for (std::size_t i = 0; i < watched; ++i) {
        if (i != last && (i % 2 != 0 || random() % 8 != 0)) continue;
        const std::string name = "v" + std::to_string(i), value = std::to_string(random() % 4);
        if (i % 2 == 0) request.headers.emplace_back(name, value);
        else request.query = name + "=" + value;
      }
      refused += recorder.decide(request).cause == Cause::limit_rejected ? 1 : 0;
    }
    // 100 a second of four values, 5 a second let through of each: 80 of 100, less their bursts of 5.
    EXPECT_NEAR(double(refused), 3000 * 0.8 - 4 * 5, 20) << watched;
    const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recorder.finish(), {.seed = kSeed});
    EXPECT_EQ(report.judged, 3000u) << watched;
    EXPECT_EQ(report.differing, 0u) << watched;
  }
}

TEST(Circle, ATwentiethOfTheLimitNamesTheCallersWhoAreHurt) {
  Gateway before(60, 120);
  const std::vector<TestRequest> requests = traffic(6000);
  Recorder recorder(before.policy, before.names);
  for (const TestRequest& request : requests) recorder.decide(request);
  const record::Recording recording = recorder.finish();
  // The same configuration but for the rate, compiled into the same table of names.
  Gateway after(3, 6, &before.names);
  const HarmReport report = compare_policies(before.policy, after.policy, after.names, recording, {.seed = kSeed});

  std::map<std::string, Bucket> wide, tight;
  std::map<std::string, Harm> hurt;
  std::set<std::string> active;
  std::uint64_t newly = 0;
  for (const TestRequest& r : requests) {
    active.insert(name_of(r));
    if (!is_limited(r)) continue;
    const bool was = !wide.try_emplace(name_of(r), 60, 120).first->second.take(r.at_ns);
    const bool is = !tight.try_emplace(name_of(r), 3, 6).first->second.take(r.at_ns);
    Harm& harm = hurt[name_of(r)];
    harm.before_refused += was;
    harm.after_refused += is;
    harm.newly_refused += !was && is;
    newly += !was && is;
  }
  std::set<std::string> wanted, got;
  for (const auto& [name, harm] : hurt) {
    if (harm.newly_refused > 0) wanted.insert(name);
  }
  for (const CallerHarm& caller : report.callers) {
    if (caller.harm.newly_refused > 0) got.insert(caller.name);
    EXPECT_EQ(caller.harm.newly_refused, hurt[caller.name].newly_refused) << caller.name;
  }
  EXPECT_EQ(got, wanted);
  EXPECT_GT(wanted.size(), 5u);
  EXPECT_LT(wanted.size(), active.size());
  EXPECT_EQ(report.callers_newly_refused, wanted.size());
  EXPECT_EQ(report.callers_active, active.size());
  EXPECT_EQ(report.total.requests, requests.size());
  EXPECT_EQ(report.total.newly_refused, newly);
  EXPECT_EQ(report.total.newly_allowed, 0u);
  ASSERT_EQ(report.limits.size(), 1u);
  EXPECT_EQ(report.limits[0].name, "per-caller");
  EXPECT_EQ(report.limits[0].callers_refused, wanted.size());
  EXPECT_EQ(report.limits[0].newly_refused, newly);
  EXPECT_TRUE(std::ranges::is_sorted(report.callers, std::greater<>(),
                                     [](const CallerHarm& c) { return c.harm.newly_refused; }));
}

}  // namespace
}  // namespace weir::replay
