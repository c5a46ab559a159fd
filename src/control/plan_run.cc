#include "control/plan_run.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "auth/gather.h"
#include "config/overlay.h"
#include "config/report.h"
#include "control/known_callers.h"
#include "control/learned_peaks.h"
#include "control/load.h"
#include "control/plan_log.h"
#include "control/plan_policy.h"
#include "control/plan_recording.h"
#include "control/recording_input.h"
#include "decide/learned.h"
#include "fmt/core.h"
#include "replay/log_facts.h"
#include "replay/plan.h"
#include "replay/steps.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

// Logs know no installation: this key only spreads.
constexpr HashKey kLogKey{.k0 = 0x7765697220706c61, .k1 = 0x6e206c6f67206b65};

Stamp stamp_of(WallTime time) { return stamp_from_nanos(time.time_since_epoch().count()); }

Result<Loaded> compiled(config::Input input, NameTable& names) {
  Loaded loaded = load(std::move(input), names);
  if (loaded.outcome.policy != nullptr) return loaded;
  return fail(
      ErrorKind::invalid,
      "the configuration has errors:\n" + config::render_text(loaded.outcome, loaded.input.files),
      Origin::config);
}

// Everything that both kinds of input need.
struct Prepared {
  NameTable names;
  Loaded after;
  std::optional<Loaded> before;
  foreign::FormatOptions reading;
};

Result<config::Input> input_of(const PlanQuestion& question, const foreign::FieldMaps& fields) {
  if (question.file.empty()) {
    std::vector<std::string> identities;
    for (const foreign::FieldMap& field : fields) {
      if (field.kind == foreign::FactKind::identity) identities.push_back(field.name);
    }
    return limits_alone(question.limits, identities);
  }
  auto input = question.input ? Result<config::Input>(*question.input) : read_configuration(question.file);
  if (!input) return input;
  for (const std::string& set : question.sets) {
    if (auto done = set_value(*input, set); !done) return std::unexpected(done.error());
  }
  for (const std::string& unset : question.unsets) {
    if (auto done = unset_value(*input, unset); !done) return std::unexpected(done.error());
  }
  return input;
}

// What a running gateway uses stands, for its relative names of files, where the file does that is
// judged.
Result<config::Input> base_input(const PlanQuestion& question) {
  if (question.over) return question.over->live;
  if (question.base_text.empty()) return read_configuration(question.base);
  std::error_code error;
  return config::Input{.files = {{.name = question.file.empty() ? question.base : question.file,
                                  .text = question.base_text}},
                       .directory = fs::current_path(error).string()};
}

Result<std::unique_ptr<Prepared>> prepare(const PlanQuestion& question) {
  auto prepared = std::make_unique<Prepared>();
  auto reading = foreign::format_options(question.fields, question.zone);
  if (!reading) return std::unexpected(reading.error());
  prepared->reading = std::move(*reading);
  auto input = input_of(question, prepared->reading.fields);
  if (!input) return std::unexpected(input.error());
  auto after = compiled(std::move(*input), prepared->names);
  if (!after) return std::unexpected(after.error());
  prepared->after = std::move(*after);
  if (question.base == "as-recorded" && !question.over) return prepared;
  auto old = base_input(question);
  if (!old) return std::unexpected(old.error());
  auto before = compiled(std::move(*old), prepared->names);
  if (!before) return wrap(before.error(), "--base");
  prepared->before = std::move(*before);
  if (!question.over) return prepared;
  for (Loaded* const each : {&prepared->after, &*prepared->before}) {
    const config::Laid laid = config::lay_over(each->outcome.policy, question.over->overrides, prepared->names);
    each->outcome.policy = std::const_pointer_cast<Policy>(laid.policy);   // nobody else has it
  }
  return prepared;
}

// A field of a log says whom a rule verified as the base defines it. Where the rule of that name
// reads something else in the new policy, such as another header, it says nothing of whom that one
// would verify.
std::vector<std::string> redefined_identities(const Prepared& prepared) {
  std::vector<std::string> names;
  if (!prepared.before) return names;
  const auto& old = prepared.before->outcome.policy->identities;
  for (const IdentityRule& rule : prepared.after.outcome.policy->identities) {
    const auto at = std::ranges::find(old, rule.name, &IdentityRule::name);
    const auto reads = [](const IdentityRule& each) {
      return std::tie(each.kind, each.header, each.scheme, each.from);
    };
    if (at != old.end() && reads(*at) != reads(rule))
      names.emplace_back(prepared.names.text(rule.name));
  }
  return names;
}

// What the keys files say of a subject that a log names.
replay::LogAssumptions assumptions_of(const PlanQuestion& question, const Prepared& prepared,
                                      const Loaded& loaded) {
  const std::shared_ptr<const auth::KeyTables> keys = loaded.keys;
  // A key table reads all its entries for a name, so each name is asked for once.
  using ByName = std::map<std::string, std::span<const std::string>, std::less<>>;
  constexpr std::size_t kMostNames = 1 << 20;
  return {.fields = prepared.reading.fields,
          .host = question.host,
          .redefined = &loaded == &prepared.after ? redefined_identities(prepared)
                                                  : std::vector<std::string>(),
          .groups = [keys, known = std::vector<ByName>(loaded.outcome.policy->identities.size())](
                        IdentityId rule, std::string_view subject) mutable {
            ByName& names = known.at(rule.index());
            const auto at = names.find(subject);
            if (at != names.end()) return at->second;
            if (names.size() == kMostNames) names.clear();
            return names.emplace(subject, auth::groups_of(keys.get(), rule, subject)).first->second;
          }};
}

// What the configuration that is judged allows, unless it was said otherwise. A change to a gateway goes by what is live: it
// does not say by itself what it may do.
HarmBudget budget_of(const PlanQuestion& question, const Prepared& prepared) {
  const HarmBudget& own = (question.over ? *prepared.before : prepared.after).outcome.policy->harm_budget;
  return {.known_callers = question.budget_known.value_or(own.known_callers),
          .requests = question.budget_requests.value_or(own.requests)};
}

// One log read to its end.
class LogPlan {
 public:
  LogPlan(const PlanQuestion& question, const Prepared& prepared, PlanLogs& logs,
          replay::KnownBefore known_before)
      : prepared_(prepared),
        logs_(logs),
        told_after_(assumptions_of(question, prepared, prepared.after)),
        facts_after_(*prepared.after.outcome.policy, prepared.names, told_after_, kLogKey),
        conditions_after_(replay::all_usable(*prepared.after.outcome.policy)),
        question_(question),
        known_before_(std::move(known_before)) {
    if (!prepared.before) return;
    told_before_ = assumptions_of(question, prepared, *prepared.before);
    facts_before_.emplace(*prepared.before->outcome.policy, prepared.names, told_before_, kLogKey);
    conditions_before_ = replay::all_usable(*prepared.before->outcome.policy);
  }

  replay::PlanReport run() {
    replay::LogItem item;
    bool more = logs_.next(item);
    if (more) learn(item.time);
    // A format has one clock; what is read before the first entry leaves tells which.
    const bool coarse = logs_.report().coarsest >= replay::kCoarse;
    plan_.emplace(
        *prepared_.after.outcome.policy,
        prepared_.before ? prepared_.before->outcome.policy.get() : nullptr, prepared_.names,
        replay::PlanOptions{.decider = {.seed = kLogKey},
                            .two_readings = coarse,
                            .budget = budget_of(question_, prepared_),
                            .retries = question_.retries,
                            .review = question_.review});
    plan_->callers().use(known_before_);
    replay::Steps<replay::LogItem> steps(replay::kCoarse);
    for (; more; more = logs_.next(item)) {
      steps.push(item);
      drain(steps);
    }
    steps.finish();
    drain(steps);
    decide();
    const foreign::ReadReport read = logs_.report();
    return plan_->finish({.rows = read.entries,
                          .skipped = read.skipped_lines(),
                          .late = logs_.late(),
                          .clock_resolution = read.coarsest,
                          .hosts = read.with_host > 0,
                          .recording = false,
                          .redefined = told_after_.redefined});
  }

 private:
  void learn(WallTime first) {
    const auto take = [&](const Policy& policy, Conditions& conditions) {
      conditions.peaks = peaks_before(question_.directories, kLogKey, policy, first);
      conditions.learned = decide::learned_rates(policy, conditions.peaks.get());
    };
    take(*prepared_.after.outcome.policy, conditions_after_);
    if (prepared_.before) take(*prepared_.before->outcome.policy, conditions_before_);
  }

  void drain(replay::Steps<replay::LogItem>& steps) {
    replay::Steps<replay::LogItem>::Timed timed;
    while (steps.pop(timed)) {
      turn_.push_back(timed);
      if (turn_.size() == replay::kBatch) decide();
    }
  }

  void decide() {
    const auto entry = [&](std::size_t i) -> const foreign::LogEntry& { return turn_[i].item.entry(); };
    facts_after_.rebuild(turn_.size(), entry, after_);
    if (facts_before_) facts_before_->rebuild(turn_.size(), entry, before_);
    for (std::size_t i = 0; i < turn_.size(); ++i) requests_.push_back(request(i));
    plan_->add(requests_);
    for (const auto& timed : turn_) logs_.give_back(timed.item);
    requests_.clear();
    turn_.clear();
  }

  replay::PlanRequest request(std::size_t at) {
    const auto& timed = turn_[at];
    const foreign::LogEntry& entry = timed.item.entry();
    const replay::LogCaller caller =
        replay::caller_of(entry, after_[at].facts.client, prepared_.reading.fields, kLogKey);
    const auto name = [&] { return caller.by_address ? to_string(caller.address) : std::string(caller.name); };
    return {.event = {.stamp = stamp_of(timed.spread), .exchange = {.worker = WorkerId{0}, .sequence = ++sequence_}},
            .at_once = stamp_of(timed.at_once),
            .time = timed.at_once,
            .past = past_of(entry, after_[at]),
            .after = &after_[at],
            .before = facts_before_ ? &before_[at] : nullptr,
            .conditions_after = &conditions_after_,
            .conditions_before = facts_before_ ? &conditions_before_ : nullptr,
            .caller = plan_->callers().index(caller.hash, caller.by_address, name)};
  }

  static replay::Past past_of(const foreign::LogEntry& entry, const replay::Rebuilt& rebuilt) {
    replay::Past past{.status = entry.status,
                      .is_odd = rebuilt.is_odd,
                      .response = entry.upstream_duration,
                      .endpoint = entry.upstream};
    if (!past.response) past.response = entry.duration;
    return past;
  }

  const Prepared& prepared_;
  PlanLogs& logs_;
  replay::LogAssumptions told_after_, told_before_;
  replay::LogFacts facts_after_;
  std::optional<replay::LogFacts> facts_before_;
  Conditions conditions_after_, conditions_before_;
  const PlanQuestion& question_;
  replay::KnownBefore known_before_;
  std::optional<replay::Plan> plan_;
  std::vector<replay::Rebuilt> after_ = std::vector<replay::Rebuilt>(replay::kBatch), before_ = after_;
  std::vector<replay::Steps<replay::LogItem>::Timed> turn_;   // not decided yet
  std::vector<replay::PlanRequest> requests_;                 // the same as questions
  std::uint64_t sequence_ = 0;
};

std::string joined(const std::vector<std::string>& list) {
  std::string all;
  for (const std::string& each : list) all += (all.empty() ? "" : ", ") + each;
  return all;
}

}  // namespace

Result<PlanAnswer> run_plan(const PlanQuestion& question) {
  auto prepared = prepare(question);
  if (!prepared) return std::unexpected(prepared.error());
  PlanAnswer answer{.report = {},
                    .subject = question.file.empty() ? joined(question.limits) : question.file,
                    .base = question.over ? "what is live" : question.base == "as-recorded" ? "as recorded" : question.base,
                    .input = {},
                    .files = {},
                    .notes = {}};
  if (!question.sets.empty()) answer.subject += " with " + joined(question.sets);
  if (!question.unsets.empty()) answer.subject += " without " + joined(question.unsets);
  for (const config::SourceFile& file : (*prepared)->after.input.files)
    answer.files.push_back(file.name);
  replay::KnownBefore known = known_callers(question.directories, answer.notes);
  if (!question.recordings.empty()) {
    answer.input = "recording";
    const auto key = recording_key(question.recordings);
    if (!key) return std::unexpected(key.error());
    auto input = RecordingInput::open(question.recordings, {}, {.routes = record::Routes::left_out});
    if (!input) return std::unexpected(input.error());
    answer.report =
        plan_recording(*input, {.names = (*prepared)->names,
                                .after = *(*prepared)->after.outcome.policy,
                                .before = (*prepared)->before ? (*prepared)->before->outcome.policy.get() : nullptr,
                                .key = *key,
                                .budget = budget_of(question, **prepared),
                                .retries = question.retries,
                                .review = question.review,
                                .given_up = question.given_up,
                                .known_before = std::move(known),
                                .peaks = [&](const Policy& policy, WallTime first) {
                                  return peaks_before(question.directories, *key, policy, first);
                                },
                                .progress = question.progress});
    std::ranges::copy(input->left_out(), std::back_inserter(answer.notes));
    if (input->segments() == 0) {
      return fail(ErrorKind::invalid,
                  fmt::format("no segment in {} could be read: {}",
                              config::printable(question.recordings.front()),
                              input->left_out().empty() ? "" : input->left_out().front()),
                  Origin::system);
    }
    if (const std::uint64_t damaged = input->recording().damage.blocks; damaged > 0) {
      answer.notes.push_back(
          fmt::format("{} damaged blocks of the recording were left out", damaged));
    }
    return answer;
  }
  answer.input = "log";
  auto logs = PlanLogs::open({.paths = question.logs,
                              .format = question.log_format,
                              .reading = (*prepared)->reading,
                              .progress = question.progress});
  if (!logs) return std::unexpected(logs.error());
  answer.report = LogPlan(question, **prepared, *logs, std::move(known)).run();
  std::ranges::copy(logs->notes(), std::back_inserter(answer.notes));
  return answer;
}

}  // namespace weir::control
