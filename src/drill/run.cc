#include "drill/run.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "config/cases.h"
#include "config/report.h"
#include "control/text.h"
#include "drill/scenario.h"
#include "drill/traffic.h"
#include "fmt/core.h"
#include "io/errors.h"
#include "io/scope.h"
#include "store/files.h"

namespace weir::drill {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMostText = 16_MiB;
constexpr Nanos kShown = std::chrono::milliseconds(100);

std::string seconds_text(Nanos time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e9);
}

std::unexpected<Error> invalid(config::Diagnostics& diagnostics,
                               std::span<const config::SourceFile> files) {
  config::Outcome outcome;
  outcome.errors = diagnostics.errors();
  outcome.warnings = diagnostics.warnings();
  outcome.dropped = diagnostics.dropped();
  outcome.diagnostics = diagnostics.take();
  return fail(ErrorKind::invalid, config::render_text(outcome, files), Origin::config);
}

// A folder of the run's own, with a short path: unix sockets have room for 107 bytes.
Result<std::string> temporary_folder() {
  std::error_code error;
  std::string path = (fs::temp_directory_path(error) / "weir-drill-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) return io::fail_with(errno, "make a folder " + path);
  return path;
}

}  // namespace

bool Expectation::met() const {
  return std::ranges::all_of(parts, [](const Judged& part) { return part.met; });
}

std::size_t RunAnswer::met() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(expectations, [](const Expectation& each) { return each.met(); }));
}

Result<std::unique_ptr<RunAnswer>> Run::go() {
  answer_ = std::make_unique<RunAnswer>();
  answer_->file = options_.file;
  auto text = store::read_file(options_.file, kMostText);
  if (!text) return std::unexpected(std::move(text.error()));
  const std::vector<config::SourceFile> files = {{.name = options_.file, .text = std::move(*text)}};
  config::Diagnostics diagnostics;
  answer_->scenario = read_scenario(files[0].text, diagnostics);
  if (diagnostics.has_errors()) return invalid(diagnostics, files);
  gateway_file_ = (fs::path(options_.file).parent_path() / answer_->scenario.gateway.value.text)
                      .lexically_normal()
                      .string();

  const bool kept = !options_.keep.empty();
  std::error_code error;
  if (kept) fs::create_directories(options_.keep, error);
  auto folder =
      kept ? Result<std::string>(fs::absolute(options_.keep, error).string()) : temporary_folder();
  if (!folder) return std::unexpected(std::move(folder.error()));
  {
    Testbed testbed(loop_, answer_->scenario,
                    {.program = options_.program,
                     .gateway_file = gateway_file_,
                     .folder = *folder,
                     .beside = fs::path(options_.file).parent_path().string()});
    failed_ = testbed.read(diagnostics);
    if (failed_ && !diagnostics.has_errors()) {
      io::block_on(loop_, [&] { return everything(testbed); });
      for (const std::string& name : testbed.end())
        options_.say(
            fmt::format("{} did not end by itself and was killed", config::printable(name)));
    }
  }
  if (!kept) fs::remove_all(*folder, error);
  if (diagnostics.has_errors()) return invalid(diagnostics, files);
  if (!failed_ && !answer_->interrupted) return std::unexpected(std::move(failed_.error()));
  judge_all();
  return std::move(answer_);
}

void Run::interrupt() {
  loop_.post([this] {
    if (answer_ != nullptr) answer_->interrupted = true;
    if (scope_ != nullptr) scope_->cancel();
  });
}

io::Task<> Run::everything(Testbed& testbed) {
  io::Scope work(loop_);
  scope_ = &work;
  const std::vector<Offer> offers = testbed.offers();
  work.spawn([&] { return perform(testbed, offers); });
  co_await work.join();
  scope_ = nullptr;
  if (!failed_) co_return;
  answer_->upstreams = co_await testbed.upstream_reports();
  answer_->links = co_await testbed.link_reports();
}

io::Task<> Run::perform(Testbed& testbed, std::span<const Offer> offers) {
  options_.say(fmt::format("starts {} upstreams, {} links and the gateway on {}",
                           answer_->scenario.upstreams.value.size(),
                           answer_->scenario.links.value.size(), config::printable(gateway_file_)));
  if (auto started = co_await testbed.start(offers); !started) {
    failed_ = std::move(started);
    co_return;
  }
  const Nanos duration = answer_->scenario.duration.value.value;
  options_.say(fmt::format("{:>8}  traffic for {}", seconds_text(Nanos(0)),
                           config::print_moment({duration})));
  auto traffic = own_traffic(loop_, testbed.entrance(), offers,
                             Chance(answer_->scenario.seed.value), answer_->tally);
  const Stamp begun = loop_.refresh();
  io::Scope beside(loop_);
  beside.spawn([&] { return events(testbed, *traffic, begun); });
  beside.spawn([&] { return show(testbed, *traffic, begun); });
  co_await traffic->run(duration);
  answer_->took = std::min(loop_.now() - begun, duration);
  beside.cancel();
  co_await beside.join();
  if (!testbed.gateway_runs() && answer_->problem.empty())
    answer_->problem = "the gateway ended: " + config::printable(testbed.last_words());
}

// Changes of the gateway follow each other, and what is asked of an endpoint that is being started
// waits until it listens (testbed.cc); else one that takes its time holds up no other.
io::Task<> Run::events(Testbed& testbed, Traffic& traffic, Stamp begun) {
  std::vector<const EventSpec*> changes, others;
  for (const auto& event : answer_->scenario.events.value)
    (event.value.gateway.given() || event.value.apply.given() ? changes : others)
        .push_back(&event.value);
  // At one instant they begin in the order of the file, in which they lie in memory.
  for (auto* list : {&changes, &others})
    std::ranges::sort(
        *list, {}, [](const EventSpec* event) { return std::pair(event->at.value.value, event); });
  io::Scope under_way(loop_);
  under_way.spawn([&] { return in_turn(std::move(changes), testbed, traffic, begun); });
  for (const EventSpec* event : others) {
    if (!co_await loop_.sleep_until(begun + event->at.value.value)) break;
    under_way.spawn([&, event] { return happen(*event, testbed, traffic, begun); });
  }
  co_await under_way.join();
}

io::Task<> Run::in_turn(std::vector<const EventSpec*> events, Testbed& testbed, Traffic& traffic,
                        Stamp begun) {
  for (const EventSpec* event : events) {
    if (!co_await loop_.sleep_until(begun + event->at.value.value)) co_return;
    co_await happen(*event, testbed, traffic, begun);
  }
}

io::Task<> Run::happen(const EventSpec& event, Testbed& testbed, Traffic& traffic, Stamp begun) {
  const Nanos due = event.at.value.value;
  Happened happened{.due = due, .at = due, .what = describe(event), .problem = {}};
  last_event_ = happened.what;
  Result<> done;
  if (event.traffic.given()) {
    for (std::size_t i = 0; i < answer_->scenario.traffic.value.size(); ++i) {
      if (answer_->scenario.traffic.value[i].value.name.value.text == event.traffic.value.text)
        traffic.set_rate(i, event.rate.value);
    }
  } else {
    done = co_await testbed.carry_out(event);
  }
  if (!done && loop_.cancelled()) co_return;
  if (!done) happened.problem = done.error().context;
  const Nanos now = loop_.now() - begun;
  happened.at = std::max(due, now - now % kShown);
  options_.say(fmt::format("{:>8}  {}{}", seconds_text(now), config::printable(happened.what),
                           done ? "" : "\n" + happened.problem));
  if (!done && answer_->problem.empty())
    answer_->problem = fmt::format("\"{}\" was not carried out", happened.what);
  answer_->happened.push_back(std::move(happened));
}

// Once a second: what came of the last one.
io::Task<> Run::show(Testbed& testbed, const Traffic& traffic, Stamp begun) {
  for (Nanos second{0};; second += std::chrono::seconds(1)) {
    if (!co_await loop_.sleep_until(begun + second + std::chrono::seconds(1))) co_return;
    if (!testbed.gateway_runs() && scope_ != nullptr) scope_->cancel();
    if (!options_.live) continue;
    const Summary sum = answer_->tally.summary(
        {.from = second, .to = second + std::chrono::seconds(1), .traffic = {}, .request = {}});
    options_.live(fmt::format(
        "{:>8}  {}  good {}  p99 {}  in flight {}  {}",
        seconds_text(second + std::chrono::seconds(1)),
        control::rate_text(static_cast<double>(sum.requests)),
        control::percent_text(sum.good_share()),
        control::milliseconds_text(static_cast<double>(sum.took.quantile(0.99).count()) / 1e6),
        traffic.in_flight(), config::printable(last_event_)));
  }
}

void Run::judge_all() {
  const ScenarioSpec& scenario = answer_->scenario;
  for (const auto& expect : scenario.expect.value) {
    const ExpectSpec& spec = expect.value;
    Expectation made{.spec = &spec, .window = {.from = spec.from.value.value}, .parts = {}};
    made.window.to = spec.to.given() ? spec.to.value.value : scenario.duration.value.value;
    for (std::size_t i = 0; i < scenario.traffic.value.size() && spec.traffic.given(); ++i) {
      if (scenario.traffic.value[i].value.name.value.text == spec.traffic.value.text)
        made.window.traffic = static_cast<std::uint16_t>(i);
    }
    if (spec.request.given()) made.window.request = answer_->tally.request(spec.request.value.text);
    made.parts = judge(spec, answer_->tally.summary(made.window));
    answer_->expectations.push_back(std::move(made));
  }
}

}  // namespace weir::drill
