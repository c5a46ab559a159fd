// A small gateway for the tests of this room: requests are decided by decide, their arrivals go the real way (encoder,
// batches, segment file) and come back as a Recording.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decide/decide.h"
#include "decide/policy_for_tests.h"
#include "record/arrivals.h"
#include "record/segment.h"
#include "record/shape.h"

namespace weir::replay {

inline constexpr HashKey kSeed{.k0 = 41, .k1 = 43};

struct TestRequest {
  std::int64_t at_ns = 0;
  std::uint16_t worker = 0;
  std::string method = "GET", host = "api.example.com", path = "/", query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<Evidence> evidence;      // parallel to the policy's identities; shorter: absent
  Address client = Address::v4(192, 0, 2, 1);
  std::uint8_t hops = 0;
};

// Live decisions under one policy or, while a change goes out, under two, recorded.
class Recorder {
 public:
  // `hops`: as a gateway that records them.
  Recorder(const Policy& policy, const NameTable& names, bool hops = true)
      : names_(names), writer_({.installation = {9}, .wall = {}, .stamp = {}, .number = 1, .hops = hops}, names, file_),
        room_(65536) {
    live_.limits = std::make_shared<decide::limits::Table>(kCells);
    change(policy);
  }

  // From now on decided under this one, on the same limits.
  void change(const Policy& policy) { use(live_, policy); }

  // Copies the limits for another policy; from begin_beside on it decides too. decide_alone: the one whose number it is goes on.
  void copy_for(const Policy& policy) {
    other_.limits = std::make_shared<decide::limits::Table>(kCells);
    EXPECT_TRUE(other_.limits->restore(live_.limits->owed(last_)));
    use(other_, policy);
  }
  void begin_beside() { both_ = true; }
  // From now on each under this one, on the limits that it has.
  void change_both(const Policy& live, const Policy& other) {
    use(live_, live);
    use(other_, other);
  }
  void share_limits() { other_.limits = live_.limits; }   // as no gateway does
  void decide_alone(std::uint32_t revision) {
    both_ = false;
    if (revision == other_.policy->revision) std::swap(live_, other_);
  }

  // Where the test needs endpoints to be down.
  void conditions(Conditions conditions) {
    std::vector<std::uint64_t> unusable;
    for (std::size_t i = 0; i < conditions.endpoints.size(); ++i) {
      if (!conditions.endpoints[i].usable) unusable.push_back(live_.policy->endpoints[i].identity);
    }
    writer_.conditions({.number = conditions.number, .unusable = unusable});
    conditions_ = std::move(conditions);
  }

  // takes_other: while two decide, the other's verdict is enforced.
  Verdict decide(const TestRequest& request, bool takes_other = false) {
    const ExchangeId exchange{.worker = WorkerId{request.worker}, .sequence = ++sequences_[request.worker]};
    last_ = stamp_from_nanos(request.at_ns);
    if (!both_) return decide(live_, request, exchange, 0);
    Side &enforced = takes_other ? other_ : live_, &beside = takes_other ? live_ : other_;
    decide(beside, request, exchange);
    return decide(enforced, request, exchange, beside.policy->revision);
  }

  // Bytes that never became a request.
  void refuse_bytes() {
    const Verdict verdict{.cause = Cause::bad_request};
    put({.stamp = last_, .exchange = {.worker = WorkerId{0}, .sequence = ++sequences_[0]}, .revision = live_.policy->revision,
         .cause = Cause::bad_request, .action = Action::refuse}, {.policy = *live_.policy, .verdict = verdict}, live_);
  }

  record::Recording finish() {
    hand_on();
    writer_.flush();
    record::Recording recording;
    EXPECT_TRUE(record::read_segment(std::as_bytes(std::span(file_)), recording));
    EXPECT_EQ(recording.damage.blocks, 0u);
    record::sort_arrivals(recording);
    return recording;
  }
  const std::string& file() const { return file_; }

 private:
  static constexpr std::size_t kCells = 1 << 16;
  struct Side {
    const Policy* policy = nullptr;
    std::unique_ptr<record::Shaper> shaper;
    std::shared_ptr<decide::limits::Table> limits;
    std::map<std::uint16_t, std::unique_ptr<decide::Balancer>> balancers;
  };

  void use(Side& side, const Policy& policy) {
    hand_on();
    side.policy = &policy;
    side.shaper = std::make_unique<record::Shaper>(policy, names_, kSeed);
    writer_.policy({.revision = policy.revision, .hash = "h", .literals = side.shaper->literals().segments()});
    conditions_.endpoints.resize(policy.endpoints.size());
  }

  // Recorded where `second` is given: 0, or who decided beside.
  Verdict decide(Side& side, const TestRequest& request, ExchangeId exchange, std::optional<std::uint32_t> second = {}) {
    const Policy& policy = *side.policy;
    const Stamp stamp = last_;
    std::vector<std::string_view> header_names;
    for (const auto& [name, value] : request.headers) header_names.push_back(name);
    Facts facts{.listener = ListenerId{0}, .method = request.method, .host = request.host, .path = request.path,
                .query = request.query, .client = request.client, .hops = request.hops};
    std::vector<WatchedValue> headers(policy.watched_headers.size()), queries(policy.watched_queries.size());
    for (std::size_t i = 0; i < headers.size(); ++i) {
      for (const auto& [name, value] : request.headers) {
        if (name == policy.watched_headers[i]) headers[i] = decide::text_value(value);
      }
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const std::string wanted = policy.watched_queries[i] + "=";
      if (request.query.starts_with(wanted)) queries[i] = decide::text_value(std::string_view(request.query).substr(wanted.size()));
    }
    facts.headers = headers;
    facts.queries = queries;
    std::vector<Evidence> evidence = request.evidence;
    evidence.resize(policy.identities.size());

    auto& balancer = side.balancers[request.worker];
    if (balancer == nullptr) balancer = std::make_unique<decide::Balancer>(WorkerId{request.worker}, in_flight_);
    decide::Decision decision(policy, {.limits = *side.limits, .asked = asked_, .balancer = *balancer, .conditions = conditions_,
                                         .in_flight = in_flight_, .seed = kSeed},
                              exchange);
    decide::Step step = decision.on_head(facts);
    const bool asked = step == decide::Step::need_evidence;
    if (asked) step = decision.on_evidence(facts, evidence);
    if (step == decide::Step::need_stamp) decision.on_stamp(facts, stamp);
    const Verdict verdict = decision.verdict();
    if (!second) return verdict;
    Arrival arrival{.stamp = stamp, .exchange = exchange, .revision = policy.revision, .second = *second, .rule = verdict.rule.name,
                    .cause = verdict.cause, .action = verdict.action, .hops = facts.hops, .conditions = conditions_.number};
    if (verdict.route.valid()) arrival.route = policy.routes[verdict.route.index()].name;
    const record::Judged judged{.policy = policy, .verdict = verdict, .facts = &facts,
                                .evidence = asked ? std::span<const Evidence>(evidence) : std::span<const Evidence>(),
                                .header_names = header_names};
    put(arrival, judged, side);
    return verdict;
  }

  void put(const Arrival& arrival, const record::Judged& judged, const Side& side) {
    std::size_t size = encoder_.encode(arrival, judged, *side.shaper, std::span(room_).subspan(used_));
    if (size == 0) {
      hand_on();
      size = encoder_.encode(arrival, judged, *side.shaper, room_);
    }
    EXPECT_GT(size, 0u);
    used_ += size;
  }
  void hand_on() {
    writer_.add(std::span(room_).first(used_));
    used_ = 0;
  }

  const NameTable& names_;
  Side live_, other_;
  bool both_ = false;
  record::ArrivalEncoder encoder_;
  std::string file_;
  record::SegmentWriter writer_;
  std::vector<std::byte> room_;
  std::size_t used_ = 0;
  decide::AskedLimits asked_;
  decide::limits::InFlight in_flight_{256};
  Conditions conditions_;
  Stamp last_;
  std::map<std::uint16_t, std::uint64_t> sequences_;
};

inline Evidence valid(std::string_view subject) {
  return {.result = EvidenceResult::valid, .subject = subject, .groups = {}};
}

}  // namespace weir::replay
