#include "control/import_log.h"

#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "control/import_segments.h"
#include "control/import_target.h"
#include "control/plan_log.h"
#include "fmt/core.h"
#include "replay/log_facts.h"
#include "replay/steps.h"

namespace weir::control {
namespace {

using record::CallerEvent;
using record::CallerKind;
using record::CallerName;
using store::ImportedLog;

// Stands for header names that were not recorded: one too long for a shape says "there were more".
constexpr std::string_view kUnlisted =
    "names-of-header-fields-are-not-in-this-log-names-of-header-fields-are-not-in-this-log";
static_assert(kUnlisted.size() > 64);

// While it lives whoever ends the command waits. Between segments that are published and a directory
// that remembers them nothing may end it: the next import would add all of it again.
class Undisturbed {
 public:
  Undisturbed() {
    sigset_t ends{};
    ::sigemptyset(&ends);
    for (const int each : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends, each);
    ::pthread_sigmask(SIG_BLOCK, &ends, &before_);
  }
  ~Undisturbed() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  sigset_t before_{};
};

class LogImport {
 public:
  LogImport(ImportTarget& target, PlanLogs& logs, replay::LogAssumptions told, ImportCount& counted,
            ImportAnswer& answer)
      : target_(target),
        policy_(*target.loaded.outcome.policy),
        logs_(logs),
        told_(std::move(told)),
        facts_(policy_, target.names, told_, target.key),
        decider_(policy_, {.seed = target.key}),
        conditions_(replay::all_usable(policy_)),
        segments_(target.folder + "/segments", policy_, target.names, target.key),
        counted_(counted),
        answer_(answer) {
    for (const Endpoint& each : policy_.endpoints)
      endpoints_.emplace(target.names.text(each.name), each.name);
  }

  Result<> run(const ImportedBefore& remembered) {
    for (const std::string_view head : logs_.heads()) before_.push_back(remembered.taken(head));
    last_.resize(before_.size());
    lines_.resize(before_.size());
    taken_.resize(before_.size());
    replay::Steps<replay::LogItem> steps(replay::kCoarse);
    for (replay::LogItem item; logs_.next(item);) {
      ++answer_.entries;
      if (before_[item.from].holds(item.entry().line, item.time)) {
        ++answer_.before;
        logs_.give_back(item);
        continue;
      }
      steps.push(item);
      if (auto drained = drain(steps); !drained) return drained;
    }
    steps.finish();
    return drain(steps);
  }

  // As the directory is to remember them.
  std::vector<ImportedLog> logs(const std::vector<std::string>& paths) const {
    std::vector<ImportedLog> all;
    const std::vector<std::string_view> heads = logs_.heads();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (taken_[i] == 0 || heads[i].empty()) continue;
      all.push_back({.length = heads[i].size(),
                     .digest = digest_of_head(heads[i]),
                     .name = paths[i].substr(0, 256),
                     .until = last_[i],
                     .entries = taken_[i],
                     .lines = lines_[i]});
    }
    return all;
  }
  ImportSegments& segments() { return segments_; }

 private:
  Result<> drain(replay::Steps<replay::LogItem>& steps) {
    replay::Steps<replay::LogItem>::Timed timed;
    while (steps.pop(timed)) {
      auto added = add(timed);
      logs_.give_back(timed.item);
      if (!added) return added;
    }
    return {};
  }

  Result<> add(const replay::Steps<replay::LogItem>::Timed& timed) {
    const foreign::LogEntry& entry = timed.item.entry();
    last_[timed.item.from] = timed.item.time;
    lines_[timed.item.from] = std::max(lines_[timed.item.from], entry.line);
    ++taken_[timed.item.from];
    ++answer_.taken;
    const replay::Rebuilt rebuilt = facts_.rebuild(entry);
    const Stamp stamp(timed.spread.time_since_epoch());
    const ExchangeId exchange{.worker = WorkerId{0}, .sequence = ++sequence_};
    const replay::Decider::Answer decided =
        decider_.decide({.stamp = stamp, .exchange = exchange}, rebuilt, conditions_);
    NameId route;
    // What an auth service would have said is not known; what the log says became of it is.
    if (decided.why == replay::Unjudged::none || decided.why == replay::Unjudged::external_auth) {
      const Verdict& verdict = decided.verdict;
      if (verdict.route.valid()) route = policy_.routes[verdict.route.index()].name;
      answer_.would_refuse += verdict.action == Action::refuse ? 1 : 0;
      if (auto kept = keep(entry, rebuilt, verdict, stamp, exchange, route); !kept) return kept;
    } else {
      ++answer_.unjudged;
    }
    CallerEvent event{
        .at = timed.at_once,
        .ending = {.status = entry.status, .total = entry.duration.value_or(Nanos(0))},
        .route = target_.names.text(route)};
    return counted_.add(name_of(entry, rebuilt), event);
  }

  Result<> keep(const foreign::LogEntry& entry, const replay::Rebuilt& rebuilt,
                const Verdict& verdict, Stamp stamp, ExchangeId exchange, NameId route) {
    // Its revision is 0, no live one: by that it is known what was imported (record::is_imported).
    Arrival arrival{.stamp = stamp,
                    .exchange = exchange,
                    .revision = policy_.revision,
                    .route = route,
                    .rule = verdict.rule.name,
                    .cause = verdict.cause,
                    .action = verdict.action,
                    .conditions = conditions_.number};
    if (verdict.endpoint.valid())
      arrival.endpoint = policy_.endpoints[verdict.endpoint.index()].name;
    const std::string_view names[] = {kUnlisted};
    record::Judged judged{.policy = policy_, .verdict = verdict, .facts = &rebuilt.facts};
    if (rebuilt.evidence_known) judged.evidence = rebuilt.evidence;
    judged.header_names = names;
    return segments_.add(arrival, judged, flight_of(entry, arrival));
  }

  // What the log says became of it. Without a status nothing was seen.
  std::optional<record::Flight> flight_of(const foreign::LogEntry& entry,
                                          const Arrival& arrival) const {
    if (!entry.status) return std::nullopt;
    record::Flight flight{.exchange = arrival.exchange,
                          .arrived = arrival.stamp,
                          .response_time = entry.upstream_duration.value_or(Nanos(0)),
                          .total_time = entry.duration.value_or(Nanos(0)),
                          .bytes_in = entry.bytes_in.value_or(0),
                          .bytes_out = entry.bytes_out.value_or(0),
                          .revision = arrival.revision,
                          .route = arrival.route,
                          .endpoint = endpoint_named(entry.upstream),
                          .status = *entry.status};
    return flight;
  }

  // Of the configuration; none where the log names no one, or another.
  NameId endpoint_named(std::string_view name) const {
    const auto found = endpoints_.find(name);
    return found == endpoints_.end() ? NameId::none() : found->second;
  }

  // As live: by the subject of a credential, else by the address behind trusted proxies; a log may
  // have a name or a masked address there.
  CallerName name_of(const foreign::LogEntry& entry, const replay::Rebuilt& rebuilt) const {
    for (const Evidence& each : rebuilt.evidence) {
      if (each.result == EvidenceResult::valid)
        return CallerName::of(CallerKind::credential, each.subject);
    }
    if (!entry.address) return CallerName::of(CallerKind::client, entry.client);
    return CallerName::of(CallerKind::client, to_string(caller_address(rebuilt.facts.client)));
  }

  ImportTarget& target_;
  const Policy& policy_;
  PlanLogs& logs_;
  replay::LogAssumptions told_;
  replay::LogFacts facts_;
  replay::Decider decider_;
  Conditions conditions_;
  ImportSegments segments_;
  ImportCount& counted_;
  ImportAnswer& answer_;
  std::vector<ImportedBefore::Taken> before_;  // by log
  std::vector<WallTime> last_;
  std::vector<std::uint64_t> lines_, taken_;  // the last line that is taken, and how many
  std::uint64_t sequence_ = 0;
  std::unordered_map<std::string_view, NameId> endpoints_;
};

replay::LogAssumptions assumptions(const ImportQuestion& question, const Loaded& loaded,
                                   const foreign::FieldMaps& fields) {
  const std::shared_ptr<const auth::KeyTables> keys = loaded.keys;
  return {.fields = fields,
          .host = question.host,
          .groups = [keys](IdentityId rule, std::string_view subject) {
            return auth::groups_of(keys.get(), rule, subject);
          }};
}

Result<> import_logs(const ImportQuestion& question, ImportTarget& target, ImportAnswer& answer) {
  const auto reading = foreign::format_options(question.fields, question.zone);
  if (!reading) return std::unexpected(reading.error());
  auto logs = PlanLogs::open({.paths = question.logs,
                              .format = question.log_format,
                              .reading = *reading,
                              .progress = question.progress});
  if (!logs) return std::unexpected(logs.error());
  auto remembered = target.directory->logs();
  if (!remembered) return std::unexpected(remembered.error());
  auto counted = ImportCount::open(target.key);
  if (!counted) return std::unexpected(counted.error());
  LogImport import(target, *logs, assumptions(question, target.loaded, reading->fields), *counted,
                   answer);
  if (auto done = import.run(ImportedBefore(std::move(*remembered))); !done) return done;
  if (auto put = counted->put_down(); !put) return put;
  answer.skipped = logs->report().skipped_lines();
  answer.late = logs->late();
  answer.notes = logs->notes();
  if (logs->report().with_host == 0 && question.host.empty() && answer.taken > 0)
    answer.notes.push_back("the log names no host: --host NAME, where it is of one");
  answer.from = counted->from();
  answer.to = counted->to();
  const Undisturbed until_remembered;
  if (auto published = import.segments().publish(); !published) {
    import.segments().withdraw();
    return published;
  }
  answer.arrivals = import.segments().arrivals();
  answer.segments = import.segments().segments();
  answer.bytes = import.segments().bytes();
  auto merged = target.directory->merge(counted->staged(), import.logs(question.logs));
  if (!merged) import.segments().withdraw();
  return merged;
}

}  // namespace

Result<ImportAnswer> run_import(const ImportQuestion& question) {
  auto target = open_import_target(question);
  if (!target) return std::unexpected(target.error());
  ImportAnswer answer;
  answer.data_dir = (*target)->folder;
  if (const std::string& aside = (*target)->directory->set_aside(); !aside.empty())
    answer.notes.push_back("the caller directory was damaged and begun anew; the old one: " +
                           config::printable(aside));
  auto done = question.logs.empty() ? import_recordings(question, **target, answer)
                                    : import_logs(question, **target, answer);
  if (!done) return std::unexpected(done.error());
  const auto totals = (*target)->directory->totals({});
  if (!totals) return std::unexpected(totals.error());
  answer.callers = totals->callers;
  answer.known = totals->known;
  answer.established = totals->established;
  return answer;
}

}  // namespace weir::control
