// What replay costs (./dev bench replay, bench/replay.py): makes its input, and decides it again under one policy.
//   bench_replay make DIR SECONDS RATE ROUTES   DIR/gateway.yaml; DIR/installation.key and DIR/segments as weir writes them
//   bench_replay log DIR SECONDS RATE ROUTES    DIR/gateway.yaml; DIR/access.log, nginx combined
//   bench_replay from-segments DIR              prints requests, refused, seconds of processor
//   bench_replay from-log DIR                   the same
// The traffic is a function of its numbers: 20,000 callers, few of whom send most; a route each by its first segment, half
// of the paths with an id behind it; one limit by client, which the busiest go beyond.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/load.h"
#include "control/plan_log.h"
#include "control/recording_input.h"
#include "record/arrivals.h"
#include "record/segment.h"
#include "replay/decider.h"
#include "replay/log_facts.h"
#include "replay/replay.h"

namespace {

using namespace weir;

constexpr HashKey kKey{.k0 = 0x1111111111111111, .k1 = 0x2222222222222222};
constexpr std::uint64_t kCallers = 20'000, kSegment = 64ull << 20;
constexpr std::int64_t kBegin = 1'767'225'600'000'000'000;   // 2026-01-01

[[noreturn]] void stop(const std::string& why) {
  fmt::print(stderr, "bench_replay: {}\n", why);
  std::exit(1);
}

struct Request {
  std::int64_t after = 0;        // nanoseconds since kBegin
  std::uint64_t caller = 0, route = 0, id = 0;
  std::string path;
  Nanos response{0};

  Address client() const { return Address::v4(10, static_cast<std::uint8_t>(caller >> 16), static_cast<std::uint8_t>(caller >> 8), static_cast<std::uint8_t>(caller)); }
};

class Traffic {
 public:
  Traffic(double rate, std::uint64_t routes) : gap_(1e9 / rate), routes_(routes) {}
  void next(Request& r) {
    at_ += -std::log(1 - unit()) * gap_;
    r.after = static_cast<std::int64_t>(at_);
    r.caller = skewed(kCallers);
    r.route = skewed(routes_);
    r.id = random() % 1'000'000;
    r.path.clear();
    fmt::format_to(std::back_inserter(r.path), "/service-{:05}/{}", r.route, r.id % 5 < 2 ? "items" : "status");
    if (r.id % 2 == 0) fmt::format_to(std::back_inserter(r.path), "/{}", r.id);
    r.response = Nanos(static_cast<std::int64_t>(2e6 * std::exp(1.5 * (unit() + unit() + unit() - 1.5))));
  }

 private:
  std::uint64_t random() { return mix(++drawn_); }
  double unit() { return static_cast<double>(random() >> 11) * 0x1p-53; }
  std::uint64_t skewed(std::uint64_t of) { return static_cast<std::uint64_t>(std::pow(unit(), 2.5) * static_cast<double>(of)); }

  double gap_, at_ = 0;
  std::uint64_t routes_, drawn_ = 0;
};

void write_configuration(const std::string& folder, std::uint64_t routes) {
  std::ofstream out(folder + "/gateway.yaml");
  out << "version: 1\nlisteners:\n  - {name: public, address: 127.0.0.1:8080}\n"
         "limits:\n  - {name: per-client, key: client_ip, rate: 2/s, burst: 20}\n"
         "upstreams:\n  - {name: app, endpoints: [127.0.0.1:9001, 127.0.0.1:9002]}\nroutes:\n";
  for (std::uint64_t i = 0; i < routes; ++i) {
    out << fmt::format("  - {{name: r{:05}, match: {{path: /service-{:05}/*}}, upstream: app, limits: [per-client]}}\n", i, i);
  }
}

struct Configuration {
  NameTable names;
  control::Loaded loaded;
  const Policy& policy() const { return *loaded.outcome.policy; }
};
std::unique_ptr<Configuration> configuration(const std::string& folder) {
  auto read = control::read_configuration(folder + "/gateway.yaml");
  if (!read) stop(to_string(read.error()));
  auto made = std::make_unique<Configuration>();
  made->loaded = control::load(std::move(*read), made->names);
  if (made->loaded.outcome.policy == nullptr) stop("gateway.yaml has errors");
  return made;
}

// Decides, encodes and writes as worker, scribe and segment files do.
class Recorder {
 public:
  Recorder(const std::string& folder, const Configuration& configuration)
      : folder_(folder), configuration_(configuration), policy_(configuration.policy()), decider_(policy_, {.seed = kKey}),
        conditions_(replay::all_usable(policy_)), shaper_(policy_, configuration.names, kKey), room_(1 << 20) {
    std::filesystem::create_directories(folder + "/segments");
    std::ofstream(folder + "/installation.key") << fmt::format("{:016x}{:016x}\n", kKey.k0, kKey.k1);
    begin();
  }
  void add(const Request& r) {
    const Facts facts{.listener = ListenerId{0}, .method = "GET", .host = "127.0.0.1", .path = r.path, .client = r.client()};
    const Stamp stamp = stamp_from_nanos(r.after);
    const ExchangeId exchange{.worker = WorkerId{static_cast<std::uint16_t>(r.id % 2)}, .sequence = ++sequence_};
    const replay::Rebuilt rebuilt{.facts = facts};
    const Verdict verdict = decider_.decide({.stamp = stamp, .exchange = exchange}, rebuilt, conditions_).verdict;
    Arrival arrival{.stamp = stamp, .exchange = exchange, .revision = 1, .route = policy_.routes[verdict.route.index()].name,
                    .rule = verdict.rule.name, .cause = verdict.cause, .action = verdict.action, .head_bytes = 180};
    if (verdict.endpoint.valid()) arrival.endpoint = policy_.endpoints[verdict.endpoint.index()].name;
    if (room_.size() - used_ < 2 * record::ArrivalEncoder::kMaxItems) hand_on();
    used_ += encoder_.encode(arrival, {.policy = policy_, .verdict = verdict, .facts = &facts, .header_names = kHeaders}, shaper_,
                             std::span(room_).subspan(used_));
    fly(r, arrival, verdict);
  }
  void finish() {
    hand_on();
    writer_->flush();
    write();
  }

 private:
  static constexpr std::string_view kHeaders[] = {"host", "user-agent", "accept"};

  void fly(const Request& r, const Arrival& arrival, const Verdict& verdict) {
    const bool passed = verdict.action == Action::forward;
    const Nanos took = passed ? r.response : Nanos(20'000);
    const ExchangeRecord record{.exchange = arrival.exchange, .arrived = arrival.stamp, .response_time = passed ? took : Nanos(0), .total_time = took,
                                .bytes_out = 100 + r.id, .client = r.client(), .revision = 1, .route = arrival.route, .endpoint = arrival.endpoint,
                                .cause = arrival.cause, .attempts = 1, .status = passed ? std::uint16_t{200} : verdict.status};
    const std::uint8_t weight = samplers_[arrival.exchange.worker.value].weight(record, {});
    if (weight > 0) used_ += record::put_flight(record::flight_of(record, weight), std::span(room_).subspan(used_));
  }
  void begin() {
    file_.emplace(fmt::format("{}/segments/{:020}-{:06}.weirseg", folder_, kBegin, number_), std::ios::binary);
    writer_.emplace(record::SegmentStart{.installation = InstallationId::of(kKey), .wall = wall_from_nanos(kBegin), .stamp = {}, .number = number_++},
                    configuration_.names, out_);
    writer_->policy({.revision = 1, .hash = policy_.hash, .literals = shaper_.literals().segments()});
    writer_->conditions({.number = 0, .unusable = {}});
    encoder_.begin_segment();
    written_ = 0;
  }
  void hand_on() {
    writer_->add(std::span(room_).first(used_));
    used_ = 0;
    write();
    if (written_ < kSegment) return;
    writer_->flush();
    write();
    begin();
  }
  void write() {
    file_->write(out_.data(), static_cast<std::streamsize>(out_.size()));
    if (!*file_) stop("could not write the segment");
    written_ += out_.size();
    out_.clear();
  }

  std::string folder_, out_;
  const Configuration& configuration_;
  const Policy& policy_;
  replay::Decider decider_;
  Conditions conditions_;
  record::Shaper shaper_;
  record::ArrivalEncoder encoder_;
  record::FlightSampler samplers_[2];
  std::vector<std::byte> room_;
  std::size_t used_ = 0;
  std::optional<std::ofstream> file_;
  std::optional<record::SegmentWriter> writer_;
  std::uint64_t number_ = 1, written_ = 0, sequence_ = 0;
};

void make(const std::string& folder, double seconds, double rate, std::uint64_t routes) {
  write_configuration(folder, routes);
  const auto with = configuration(folder);
  Recorder recorder(folder, *with);
  Traffic traffic(rate, routes);
  Request request;
  for (traffic.next(request); static_cast<double>(request.after) < seconds * 1e9; traffic.next(request)) recorder.add(request);
  recorder.finish();
}

void make_log(const std::string& folder, double seconds, double rate, std::uint64_t routes) {
  static constexpr const char* kAgents[] = {"curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                                            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"};
  write_configuration(folder, routes);
  Traffic traffic(rate, routes);
  Request r;
  std::ofstream out(folder + "/access.log");
  std::string lines;
  for (traffic.next(r); static_cast<double>(r.after) < seconds * 1e9; traffic.next(r)) {
    const std::int64_t second = r.after / 1'000'000'000;
    fmt::format_to(std::back_inserter(lines), "{} - - [{:02}/Jan/2026:{:02}:{:02}:{:02} +0000] \"GET {} HTTP/1.1\" 200 {} \"-\" \"{}\"\n", to_string(r.client()),
                   1 + second / 86400, second / 3600 % 24, second / 60 % 60, second % 60, r.path, 100 + r.id, kAgents[r.caller % 3]);
    if (lines.size() < 1 << 20) continue;
    out << lines;
    lines.clear();
  }
  out << lines;
}

double processor_seconds() {
  timespec at{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

struct Count {
  std::uint64_t requests = 0, refused = 0, unjudged = 0;
  void add(const replay::Decider::Seen& seen) {
    ++requests;
    unjudged += seen.why != replay::Unjudged::none ? 1 : 0;
    refused += seen.why == replay::Unjudged::none && seen.verdict.action == Action::refuse ? 1 : 0;
  }
  void print(double seconds) const {
    fmt::print("{{\"requests\": {}, \"refused\": {}, \"unjudged\": {}, \"seconds\": {:.4f}}}\n", requests, refused, unjudged, seconds);
  }
};

void from_segments(const std::string& folder) {
  const auto with = configuration(folder);
  const double from = processor_seconds();
  auto input = control::RecordingInput::open({folder}, {}, {.routes = record::Routes::left_out, .flights = false});
  if (!input) stop(to_string(input.error()));
  replay::Replay replay(with->policy(), with->names, input->recording(), {.seed = kKey});
  Count count;
  std::vector<record::RecordedArrival> arrivals(replay::kBatch);
  control::RecordingInput::Flights flights;
  do {
    while (const std::size_t size = input->next(arrivals, flights))
      replay.decide(std::span(arrivals).first(size), [&](std::size_t, const replay::Decider::Seen& seen) { count.add(seen); });
  } while (input->read_on());
  count.print(processor_seconds() - from);
}

void from_log(const std::string& folder) {
  const auto with = configuration(folder);
  const double from = processor_seconds();
  auto logs = control::PlanLogs::open({.paths = {folder + "/access.log"}});
  if (!logs) stop(to_string(logs.error()));
  const replay::LogAssumptions told;
  replay::LogFacts facts(with->policy(), with->names, told, kKey);
  replay::Decider decider(with->policy(), {.seed = kKey});
  const Conditions conditions = replay::all_usable(with->policy());
  Count count;
  std::vector<replay::LogItem> items(replay::kBatch);
  std::vector<replay::Rebuilt> rebuilt(items.size());
  for (std::size_t size = items.size(); size == items.size();) {
    for (size = 0; size < items.size() && logs->next(items[size]);) ++size;
    facts.rebuild(size, [&](std::size_t i) -> const foreign::LogEntry& { return items[i].entry(); }, rebuilt);
    decider.decide(
        size,
        [&, first = count.requests](std::size_t i) {
          const replay::Event event{.stamp = stamp_from_nanos(items[i].time.time_since_epoch().count()),
                                    .exchange = {.worker = WorkerId{0}, .sequence = first + i}};
          return replay::Decider::Question{.event = event, .rebuilt = &rebuilt[i], .conditions = &conditions};
        },
        [&](std::size_t, const replay::Decider::Seen& seen, std::span<const decide::AskedLimit>) { count.add(seen); });
    for (std::size_t i = 0; i < size; ++i) logs->give_back(items[i]);
  }
  count.print(processor_seconds() - from);
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  const auto number = [&](std::size_t i) { return std::strtod(given[i].c_str(), nullptr); };
  if (given.size() == 5 && given[0] == "make") make(given[1], number(2), number(3), static_cast<std::uint64_t>(number(4)));
  else if (given.size() == 5 && given[0] == "log") make_log(given[1], number(2), number(3), static_cast<std::uint64_t>(number(4)));
  else if (given.size() == 2 && given[0] == "from-segments") from_segments(given[1]);
  else if (given.size() == 2 && given[0] == "from-log") from_log(given[1]);
  else stop("make|log DIR SECONDS RATE ROUTES, from-segments|from-log DIR");
}
