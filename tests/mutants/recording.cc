#include "recording.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <queue>
#include <vector>

#include "config/compile.h"
#include "control/load.h"
#include "decide/decide.h"
#include "record/arrivals.h"
#include "record/flight.h"
#include "record/segment.h"
#include "record/shape.h"
#include "replay/decider.h"

namespace mutants {
namespace {

using namespace weir;

constexpr std::string_view kKeyText = "000000000000002900000000000000f1\n";
constexpr HashKey kKey{.k0 = 0x29, .k1 = 0xf1};

struct Landing {
  std::int64_t at = 0;
  ExchangeRecord ended;
  std::string_view who;
  bool operator<(const Landing& other) const { return at > other.at; }  // the first to end on top
};

class Recorder {
 public:
  Recorder(const Policy& policy, NameTable& names, const Traffic& traffic)
      : policy_(policy),
        traffic_(traffic),
        shaper_(policy, names, kKey),
        writer_({.installation = {9},
                 .wall = wall_from_nanos(kBegin),
                 .stamp = stamp_from_nanos(kBegin),
                 .number = 1},
                names, file_),
        room_(1 << 20),
        balancer_(WorkerId{0}, in_flight_),
        conditions_(replay::all_usable(policy)),
        headers_(policy.watched_headers.size()) {
    writer_.policy(
        {.revision = policy.revision, .hash = "base", .literals = shaper_.literals().segments()});
    for (const Caller& caller : traffic.callers) groups_.push_back({caller.group});
  }

  void add(const Request& request) {
    land(request.at);
    if (request.at - flushed_ >= kSecond) {  // as the scribe does, in its own time
      hand_on();
      writer_.flush();
      flushed_ = request.at;
    }
    const Template& asked = kTemplates[request.target];
    const std::string path = path_of(request);
    header_names_ = {"host", "user-agent", "accept"};
    std::vector<Evidence> evidence(policy_.identities.size());
    for (std::size_t i = 0; i < evidence.size(); ++i) {
      if (policy_.identities[i].kind == IdentityKind::service) {
        if (request.service >= 0)
          evidence[i] = {.result = EvidenceResult::valid,
                         .subject = kServices[static_cast<std::size_t>(request.service)],
                         .groups = {}};
      } else if (request.caller >= 0) {
        const auto caller = static_cast<std::size_t>(request.caller);
        evidence[i] = {.result = EvidenceResult::valid,
                       .subject = traffic_.callers[caller].name,
                       .groups = groups_[caller]};
        if (traffic_.callers[caller].group.empty()) evidence[i].groups = {};
      }
    }
    if (request.caller >= 0) header_names_.push_back("x-api-key");
    if (request.service >= 0) header_names_.push_back("x-service");
    if (request.canary) header_names_.push_back("x-canary");
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      headers_[i] = {};
      if (policy_.watched_headers[i] == "x-canary" && request.canary)
        headers_[i] = {.state = WatchedValue::State::text, .text = "always"};
    }
    const Facts facts{.listener = ListenerId{0},
                      .method = kMethods[asked.method],
                      .host = kHosts[asked.host],
                      .path = path,
                      .client = Address::v4(static_cast<std::uint8_t>(request.client >> 24),
                                            static_cast<std::uint8_t>(request.client >> 16),
                                            static_cast<std::uint8_t>(request.client >> 8),
                                            static_cast<std::uint8_t>(request.client)),
                      .headers = headers_};
    const ExchangeId exchange{.worker = WorkerId{0}, .sequence = ++sequence_};
    const Stamp stamp = stamp_from_nanos(request.at);
    decide::Decision decision(
        policy_,
        {.limits = limits_, .asked = asked_, .balancer = balancer_, .conditions = conditions_,
         .in_flight = in_flight_, .seed = kKey},
        exchange);
    decide::Step step = decision.on_head(facts);
    const bool wanted = step == decide::Step::need_evidence;
    if (wanted) step = decision.on_evidence(facts, evidence);
    if (step == decide::Step::need_stamp) decision.on_stamp(facts, stamp);
    const Verdict& verdict = decision.verdict();
    Arrival arrival{.stamp = stamp,
                    .exchange = exchange,
                    .revision = policy_.revision,
                    .rule = verdict.rule.name,
                    .cause = verdict.cause,
                    .action = verdict.action,
                    .head_bytes = request.head};
    if (verdict.route.valid()) arrival.route = policy_.routes[verdict.route.index()].name;
    if (verdict.endpoint.valid())
      arrival.endpoint = policy_.endpoints[verdict.endpoint.index()].name;
    const record::Judged judged{
        .policy = policy_,
        .verdict = verdict,
        .facts = &facts,
        .evidence = wanted ? std::span<const Evidence>(evidence) : std::span<const Evidence>(),
        .header_names = header_names_};
    put([&](std::span<std::byte> room) { return encoder_.encode(arrival, judged, shaper_, room); });
    take_off(request, arrival, verdict);
  }

  const std::string& finish() {
    land(INT64_MAX);
    hand_on();
    writer_.flush();
    return file_;
  }

 private:
  // How the exchange will end, by the timeout of its route and what its upstream does.
  void take_off(const Request& request, const Arrival& arrival, const Verdict& verdict) {
    ExchangeRecord ended{.exchange = arrival.exchange,
                         .arrived = arrival.stamp,
                         .revision = arrival.revision,
                         .route = arrival.route,
                         .endpoint = arrival.endpoint,
                         .rule = arrival.rule,
                         .cause = verdict.cause,
                         .status = verdict.status};
    if (verdict.action == Action::forward) {
      const auto& timeout = policy_.timeouts_of(policy_.routes[verdict.route.index()]).response;
      const Nanos takes = std::chrono::microseconds(request.micros);
      ended.attempts = 1;
      ended.upstream = policy_.upstreams[verdict.upstream.index()].name;
      if (timeout && takes > timeout->value) {
        ended.total_time = timeout->value;
        ended.cause = Cause::response_timeout;
        ended.timeout_phase = Phase::response;
        ended.status = info(Cause::response_timeout).status;
      } else {
        ended.response_time = ended.total_time = takes;
        ended.status = ended.upstream_status = request.bad ? 500 : 200;
        if (request.bad) ended.cause = Cause::upstream_error;
      }
    }
    const std::string_view who =
        request.caller >= 0
            ? std::string_view(traffic_.callers[static_cast<std::size_t>(request.caller)].name)
        : request.service >= 0 ? kServices[static_cast<std::size_t>(request.service)]
                               : std::string_view();
    flying_.push({.at = request.at + ended.total_time.count(), .ended = ended, .who = who});
  }
  // Those that ended until then leave a flight record, if the sampler of a worker keeps them.
  void land(std::int64_t until) {
    for (; !flying_.empty() && flying_.top().at <= until; flying_.pop()) {
      const Landing& landing = flying_.top();
      const std::uint8_t weight = sampler_.weight(landing.ended, landing.who);
      if (weight == 0) continue;
      const record::Flight flight = record::flight_of(landing.ended, weight);
      put([&](std::span<std::byte> room) { return record::put_flight(flight, room); });
    }
  }

  template <class Encode>
  void put(Encode encode) {
    std::size_t size = encode(std::span(room_).subspan(used_));
    if (size == 0) {
      hand_on();
      size = encode(std::span(room_));
    }
    used_ += size;
  }
  void hand_on() {
    writer_.add(std::span(room_).first(used_));
    used_ = 0;
    if (writer_.pending() >= record::SegmentWriter::kBlockArrivals) writer_.flush();
  }

  const Policy& policy_;
  const Traffic& traffic_;
  record::Shaper shaper_;
  record::ArrivalEncoder encoder_;
  std::string file_;
  record::SegmentWriter writer_;
  std::vector<std::byte> room_;
  std::size_t used_ = 0;
  decide::limits::Table limits_{1 << 20};
  decide::AskedLimits asked_;
  decide::limits::InFlight in_flight_{256};
  decide::Balancer balancer_;
  Conditions conditions_;
  std::vector<WatchedValue> headers_;
  std::vector<std::string_view> header_names_;
  std::vector<std::vector<std::string>> groups_;
  record::FlightSampler sampler_;
  std::priority_queue<Landing> flying_;
  std::uint64_t sequence_ = 0;
  std::int64_t flushed_ = kBegin;
};

}  // namespace

Result<> write_recording(const std::string& file, const Traffic& traffic,
                         const std::string& folder) {
  auto input = control::read_configuration(file);
  if (!input) return std::unexpected(input.error());
  NameTable names;
  const control::Loaded loaded = control::load(std::move(*input), names);
  if (loaded.outcome.policy == nullptr)
    return fail(ErrorKind::invalid, "the base configuration does not compile", Origin::config);
  loaded.outcome.policy->revision = 1;
  auto recorder = std::make_unique<Recorder>(*loaded.outcome.policy, names, traffic);
  for (const Request& request : traffic.requests) recorder->add(request);
  std::filesystem::create_directories(folder + "/segments");
  std::ofstream(folder + "/installation.key") << kKeyText;
  std::ofstream(folder + "/segments/1-1.weirseg", std::ios::binary) << recorder->finish();
  return {};
}

bool compiles(const std::string& text, const std::string& folder) {
  NameTable names;
  return control::load({.files = {{"mutant.yaml", text}}, .directory = folder}, names)
             .outcome.policy != nullptr;
}

}  // namespace mutants
