#include "recording.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "config/compile.h"
#include "control/load.h"
#include "decide/decide.h"
#include "record/arrivals.h"
#include "record/segment.h"
#include "record/shape.h"
#include "replay/decider.h"

namespace mutants {
namespace {

using namespace weir;

constexpr std::string_view kKeyText = "000000000000002900000000000000f1\n";
constexpr HashKey kKey{.k0 = 0x29, .k1 = 0xf1};

class Recorder {
 public:
  Recorder(const Policy& policy, NameTable& names, const Traffic& traffic)
      : policy_(policy),
        traffic_(traffic),
        shaper_(policy, names, kKey),
        writer_({.installation = {9}, .wall = wall_from_nanos(kBegin), .stamp = stamp_from_nanos(kBegin), .number = 1}, names, file_),
        room_(1 << 20),
        balancer_(WorkerId{0}, in_flight_),
        conditions_(replay::all_usable(policy)),
        evidence_(policy.identities.size()),
        headers_(policy.watched_headers.size()) {
    writer_.policy({.revision = policy.revision, .hash = "base", .literals = shaper_.literals().segments()});
    for (const Caller& caller : traffic.callers) groups_.push_back({caller.group});
  }

  void add(const Request& request) {
    const Template& asked = kTemplates[request.target];
    const std::string path = path_of(request);
    header_names_ = {"host", "user-agent", "accept"};
    std::vector<Evidence> evidence(policy_.identities.size());
    for (std::size_t i = 0; i < evidence.size(); ++i) {
      if (policy_.identities[i].kind == IdentityKind::service) {
        if (request.service >= 0) evidence[i] = {.result = EvidenceResult::valid, .subject = kServices[static_cast<std::size_t>(request.service)], .groups = {}};
      } else if (request.caller >= 0) {
        const auto caller = static_cast<std::size_t>(request.caller);
        evidence[i] = {.result = EvidenceResult::valid, .subject = traffic_.callers[caller].name, .groups = groups_[caller]};
        if (traffic_.callers[caller].group.empty()) evidence[i].groups = {};
      }
    }
    if (request.caller >= 0) header_names_.push_back("x-api-key");
    if (request.service >= 0) header_names_.push_back("x-service");
    if (request.canary) header_names_.push_back("x-canary");
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      headers_[i] = {};
      if (policy_.watched_headers[i] == "x-canary" && request.canary) headers_[i] = {.state = WatchedValue::State::text, .text = "always"};
    }
    const Facts facts{.listener = ListenerId{0},
                      .method = kMethods[asked.method],
                      .host = kHosts[asked.host],
                      .path = path,
                      .client = Address::v4(static_cast<std::uint8_t>(request.client >> 24), static_cast<std::uint8_t>(request.client >> 16),
                                            static_cast<std::uint8_t>(request.client >> 8), static_cast<std::uint8_t>(request.client)),
                      .headers = headers_};
    const ExchangeId exchange{.worker = WorkerId{0}, .sequence = ++sequence_};
    const Stamp stamp = stamp_from_nanos(request.at);
    decide::Decision decision(policy_, {.limits = limits_, .balancer = balancer_, .conditions = conditions_, .seed = kKey},
                              {.stamp = stamp, .exchange = exchange});
    const bool wanted = decision.on_head(facts) == decide::Step::need_evidence;
    if (wanted) decision.on_evidence(facts, evidence);
    const Verdict& verdict = decision.verdict();
    Arrival arrival{.stamp = stamp, .exchange = exchange, .revision = policy_.revision, .rule = verdict.rule.name,
                    .cause = verdict.cause, .action = verdict.action, .head_bytes = request.head};
    if (verdict.route.valid()) arrival.route = policy_.routes[verdict.route.index()].name;
    if (verdict.endpoint.valid()) arrival.endpoint = policy_.endpoints[verdict.endpoint.index()].name;
    refused_ += verdict.action == Action::refuse ? 1 : 0;
    const record::Judged judged{.policy = policy_, .verdict = verdict, .facts = &facts,
                                .evidence = wanted ? std::span<const Evidence>(evidence) : std::span<const Evidence>(),
                                .header_names = header_names_};
    std::size_t size = encoder_.encode(arrival, judged, shaper_, std::span(room_).subspan(used_));
    if (size == 0) {
      hand_on();
      size = encoder_.encode(arrival, judged, shaper_, room_);
    }
    used_ += size;
  }

  const std::string& finish() {
    hand_on();
    writer_.flush();
    return file_;
  }

 private:
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
  decide::limits::InFlight in_flight_{256};
  decide::Balancer balancer_;
  Conditions conditions_;
  std::vector<Evidence> evidence_;
  std::vector<WatchedValue> headers_;
  std::vector<std::string_view> header_names_;
  std::vector<std::vector<std::string>> groups_;
  std::uint64_t sequence_ = 0, refused_ = 0;
};

}  // namespace

Result<> write_recording(const std::string& file, const Traffic& traffic, const std::string& folder) {
  auto input = control::read_configuration(file);
  if (!input) return std::unexpected(input.error());
  NameTable names;
  const control::Loaded loaded = control::load(std::move(*input), names);
  if (loaded.outcome.policy == nullptr) return fail(ErrorKind::invalid, "the base configuration does not compile", Origin::config);
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
  return control::load({.files = {{"mutant.yaml", text}}, .directory = folder}, names).outcome.policy != nullptr;
}

}  // namespace mutants
