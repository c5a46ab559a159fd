#include "control/import_log.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "base/json.h"
#include "config/diagnostic.h"
#include "config/report.h"
#include "control/import_segments.h"
#include "control/load.h"
#include "control/plan_log.h"
#include "control/text.h"
#include "fmt/core.h"
#include "record/caller_batches.h"
#include "replay/log_facts.h"
#include "replay/steps.h"
#include "store/caller_directory.h"
#include "store/data_dir.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

using record::CallerEvent;
using record::CallerKind;
using record::CallerName;
using store::CallerDirectory;
using store::ImportedLog;

constexpr Bytes kMostSegment{std::uint64_t{1} << 32};
constexpr std::size_t kTally = 64 * 1024;
// Stands for header names that were not recorded: one too long for a shape says "there were more".
constexpr std::string_view kUnlisted =
    "names-of-header-fields-are-not-in-this-log-names-of-header-fields-are-not-in-this-log";
static_assert(kUnlisted.size() > 64);

std::uint64_t digest_of(std::string_view head) { return keyed_hash(HashKey{}, head); }

// What one import counts, on its way to the directory.
class Counted {
 public:
  static Result<Counted> open(HashKey key) {
    auto staged = CallerDirectory::open(":memory:", {.key = key});
    if (!staged) return std::unexpected(staged.error());
    return Counted(std::move(*staged), key);
  }

  Result<> add(const CallerName& name, const CallerEvent& event) {
    if (tally_.is_full()) {
      if (auto put = put_down(); !put) return put;
    }
    tally_.add(record::CallerTally::hash_of(key_, name), name, event, staged_.known());
    from_ = from_ ? std::min(*from_, event.at) : event.at;
    to_ = to_ ? std::max(*to_, event.at) : event.at;
    return {};
  }
  Result<> put_down() { return staged_.merge(tally_.take()); }

  CallerDirectory& staged() { return staged_; }
  std::optional<WallTime> from() const { return from_; }
  std::optional<WallTime> to() const { return to_; }

 private:
  Counted(CallerDirectory staged, HashKey key) : staged_(std::move(staged)), key_(key) {}

  CallerDirectory staged_;
  HashKey key_;
  record::CallerTally tally_{kTally};
  std::optional<WallTime> from_, to_;
};

// Remembered logs, and how far each was taken.
class Remembered {
 public:
  explicit Remembered(std::vector<ImportedLog> logs) : logs_(std::move(logs)) {}

  // Of a log that begins so; what is later than this has not been imported yet.
  std::optional<WallTime> until(std::string_view head) const {
    std::optional<WallTime> latest;
    for (const ImportedLog& log : logs_) {
      if (log.length > head.size() || log.digest != digest_of(head.substr(0, log.length))) continue;
      latest = latest ? std::max(*latest, log.until) : log.until;
    }
    return latest;
  }

 private:
  std::vector<ImportedLog> logs_;
};

struct Target {
  NameTable names;
  Loaded loaded;
  HashKey key;
  std::string folder;
  std::optional<CallerDirectory> directory;
};

Result<std::unique_ptr<Target>> open_target(const ImportQuestion& question) {
  auto target = std::make_unique<Target>();
  auto input = read_configuration(question.configuration);
  if (!input) return std::unexpected(input.error());
  target->loaded = load(std::move(*input), target->names);
  if (target->loaded.outcome.policy == nullptr) {
    return fail(ErrorKind::invalid,
                "the configuration has errors:\n" +
                    config::render_text(target->loaded.outcome, target->loaded.input.files),
                Origin::config);
  }
  target->folder = question.data_dir;
  {
    // Made when missing, and let go at once: a gateway may start meanwhile.
    const auto made = store::DataDir::open(target->folder, question.random);
    if (!made && made.error().kind != ErrorKind::busy) return std::unexpected(made.error());
  }
  const auto key = store::installation_key(target->folder);
  if (!key) return std::unexpected(key.error());
  target->key = *key;
  auto directory = CallerDirectory::open(target->folder + "/callers.db", {.key = *key});
  if (!directory) return std::unexpected(directory.error());
  target->directory.emplace(std::move(*directory));
  return target;
}

class LogImport {
 public:
  LogImport(Target& target, PlanLogs& logs, replay::LogAssumptions told, Counted& counted,
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
        answer_(answer) {}

  Result<> run(const Remembered& remembered) {
    for (const std::string_view head : logs_.heads()) until_.push_back(remembered.until(head));
    last_.resize(until_.size());
    taken_.resize(until_.size());
    replay::Steps<replay::LogItem> steps(replay::kCoarse);
    for (replay::LogItem item; logs_.next(item);) {
      ++answer_.entries;
      if (until_[item.from] && item.time <= *until_[item.from]) {
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
                     .digest = digest_of(heads[i]),
                     .name = paths[i].substr(0, 256),
                     .until = last_[i],
                     .entries = taken_[i]});
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
  static std::optional<record::Flight> flight_of(const foreign::LogEntry& entry,
                                                 const Arrival& arrival) {
    if (!entry.status) return std::nullopt;
    record::Flight flight{.exchange = arrival.exchange,
                          .arrived = arrival.stamp,
                          .response_time = entry.upstream_duration.value_or(Nanos(0)),
                          .total_time = entry.duration.value_or(Nanos(0)),
                          .bytes_in = entry.bytes_in.value_or(0),
                          .bytes_out = entry.bytes_out.value_or(0),
                          .revision = arrival.revision,
                          .route = arrival.route,
                          .status = *entry.status};
    return flight;
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

  Target& target_;
  const Policy& policy_;
  PlanLogs& logs_;
  replay::LogAssumptions told_;
  replay::LogFacts facts_;
  replay::Decider decider_;
  Conditions conditions_;
  ImportSegments segments_;
  Counted& counted_;
  ImportAnswer& answer_;
  std::vector<std::optional<WallTime>> until_;  // by log
  std::vector<WallTime> last_;
  std::vector<std::uint64_t> taken_;
  std::uint64_t sequence_ = 0;
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

Result<> import_logs(const ImportQuestion& question, Target& target, ImportAnswer& answer) {
  foreign::FormatOptions reading;
  for (const std::string& field : question.fields) {
    auto map = foreign::parse_field_map(field);
    if (!map) return std::unexpected(map.error());
    reading.fields.push_back(std::move(*map));
  }
  auto logs = PlanLogs::open({.paths = question.logs,
                              .format = question.log_format,
                              .reading = reading,
                              .progress = question.progress});
  if (!logs) return std::unexpected(logs.error());
  auto remembered = target.directory->logs();
  if (!remembered) return std::unexpected(remembered.error());
  auto counted = Counted::open(target.key);
  if (!counted) return std::unexpected(counted.error());
  LogImport import(target, *logs, assumptions(question, target.loaded, reading.fields), *counted,
                   answer);
  if (auto done = import.run(Remembered(std::move(*remembered))); !done) return done;
  if (auto put = counted->put_down(); !put) return put;
  answer.skipped = logs->report().skipped_lines();
  answer.late = logs->late();
  answer.notes = logs->notes();
  if (logs->report().with_host == 0 && question.host.empty() && answer.taken > 0)
    answer.notes.push_back("the log names no host: --host NAME, where it is of one");
  answer.from = counted->from();
  answer.to = counted->to();
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

Result<std::vector<std::string>> segments_of(const std::string& folder) {
  std::error_code error;
  const fs::path root(folder),
      segments = fs::is_directory(root / "segments", error) ? root / "segments" : root;
  std::vector<std::string> paths;
  error.clear();
  for (fs::directory_iterator it(segments, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".weirseg") paths.push_back(it->path().string());
  }
  if (error || paths.empty()) {
    return fail(ErrorKind::not_found,
                fmt::format("{} holds no recording (*.weirseg){}", config::printable(folder),
                            error ? ": " + error.message() : std::string()),
                Origin::system);
  }
  std::ranges::sort(paths);
  return paths;
}

// One segment at a time: shapes stand in each anew.
Result<> import_segment(const std::string& bytes, const std::string& path, Target& target,
                        const Remembered& remembered, std::optional<WallTime> own_until,
                        Counted& counted, std::vector<ImportedLog>& logs, ImportAnswer& answer) {
  record::Recording recording;
  if (auto read = record::read_segment(std::as_bytes(std::span(bytes)), recording); !read) {
    answer.notes.push_back(fmt::format("{}: left out: {}", config::printable(path),
                                       config::printable(to_string(read.error()))));
    return {};
  }
  answer.skipped += recording.damage.blocks;
  record::sort_arrivals(recording);
  const std::string_view head = std::string_view(bytes).substr(0, PlanLogs::kHead);
  const std::optional<WallTime> until = remembered.until(head);
  const bool own = recording.installation == InstallationId::of(target.key);
  std::map<ExchangeId, const record::Flight*> flights;  // one segment's
  for (const record::Flight& each : recording.flights) flights.emplace(each.exchange, &each);
  std::uint64_t taken = 0;
  for (const Arrival& arrival : recording.arrivals) {
    const WallTime at(arrival.stamp.time_since_epoch());
    ++answer.entries;
    if ((until && at <= *until) || (own && own_until && at >= *own_until)) {
      ++answer.before;
      continue;
    }
    const auto name = record::caller_name(recording.shape<CallerShape>(arrival.caller),
                                          recording.shape<ClientShape>(arrival.client));
    if (!name) {
      ++answer.unnamed;
      continue;
    }
    ++taken;
    ++answer.taken;
    CallerEvent event = record::event_of(arrival, at, recording.names);
    const auto flight = flights.find(arrival.exchange);
    if (flight != flights.end() && !event.ending.refused)
      event.ending = record::ending_of(*flight->second);
    if (auto added = counted.add(*name, event); !added) return added;
  }
  if (taken > 0) {
    logs.push_back({.length = head.size(),
                    .digest = digest_of(head),
                    .name = path.substr(0, 256),
                    .until = WallTime(recording.arrivals.back().stamp.time_since_epoch()),
                    .entries = taken});
  }
  return {};
}

Result<> import_recordings(const ImportQuestion& question, Target& target, ImportAnswer& answer) {
  auto remembered = target.directory->logs();
  if (!remembered) return std::unexpected(remembered.error());
  const auto totals = target.directory->totals({});
  if (!totals) return std::unexpected(totals.error());
  auto counted = Counted::open(target.key);
  if (!counted) return std::unexpected(counted.error());
  const Remembered known(std::move(*remembered));
  std::vector<ImportedLog> logs;
  for (const std::string& folder : question.recordings) {
    const auto paths = segments_of(folder);
    if (!paths) return std::unexpected(paths.error());
    for (std::size_t i = 0; i < paths->size(); ++i) {
      const auto bytes = store::read_file((*paths)[i], kMostSegment);
      if (!bytes) return std::unexpected(bytes.error());
      if (auto done = import_segment(*bytes, (*paths)[i], target, known, totals->first, *counted,
                                     logs, answer);
          !done)
        return done;
      if (question.progress) question.progress(i + 1, paths->size());
    }
  }
  if (auto put = counted->put_down(); !put) return put;
  answer.from = counted->from();
  answer.to = counted->to();
  return target.directory->merge(counted->staged(), logs);
}

}  // namespace

Result<ImportAnswer> run_import(const ImportQuestion& question) {
  auto target = open_target(question);
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

std::string import_json(const ImportAnswer& answer) {
  std::string out;
  JsonWriter json(out);
  const auto moment = [&](std::string_view name, const std::optional<WallTime>& at) {
    json.key(name);
    if (at)
      json.value(time_text(*at));
    else
      json.null();
  };
  json.begin_object()
      .field("entries", answer.entries)
      .field("taken", answer.taken)
      .field("imported_before", answer.before)
      .field("skipped", answer.skipped)
      .field("late", answer.late)
      .field("cannot_judge", answer.unjudged)
      .field("would_refuse", answer.would_refuse)
      .field("unnamed", answer.unnamed);
  moment("from", answer.from);
  moment("to", answer.to);
  json.key("recorded")
      .begin_object()
      .field("arrivals", answer.arrivals)
      .field("segments", answer.segments)
      .field("bytes", answer.bytes)
      .end_object();
  json.key("callers")
      .begin_object()
      .field("total", answer.callers)
      .field("known", answer.known)
      .field("established", answer.established)
      .end_object();
  json.field("data_dir", answer.data_dir).key("notes").begin_array();
  for (const std::string& note : answer.notes) json.value(note);
  json.end_array().end_object();
  return out + "\n";
}

std::string import_text(const ImportAnswer& answer) {
  const auto line = [](std::string_view label, const std::string& text) {
    return fmt::format("  {:<11}{}\n", label, text);
  };
  std::string out = fmt::format("{} of {} imported into {}\n", counted(answer.taken, "request"),
                                grouped(answer.entries), config::printable(answer.data_dir));
  if (answer.from)
    out += line("from", fmt::format("{} – {}", time_text(*answer.from), time_text(*answer.to)));
  if (answer.before > 0)
    out += line("before",
                fmt::format("{} were imported before and are left out", grouped(answer.before)));
  if (answer.skipped + answer.late > 0)
    out += line("lines",
                fmt::format("{} skipped, {} late", grouped(answer.skipped), grouped(answer.late)));
  if (answer.unnamed > 0)
    out += line("unnamed", fmt::format("{} say nothing of who asked", grouped(answer.unnamed)));
  if (answer.arrivals > 0)
    out += line("recorded", fmt::format("{} in {}, {}; this configuration would have refused {}",
                                        counted(answer.arrivals, "arrival"),
                                        counted(answer.segments, "segment"),
                                        bytes_text(answer.bytes), grouped(answer.would_refuse)));
  if (answer.unjudged > 0)
    out += line("",
                fmt::format("{} could not be decided by what the log holds: in the directory alone",
                            grouped(answer.unjudged)));
  out += line("callers", fmt::format("{}, {} known, {} established", grouped(answer.callers),
                                     grouped(answer.known), grouped(answer.established)));
  for (const std::string& note : answer.notes) out += line("note", note);
  return within_columns(out + "next: weir callers | weir plan gateway.yaml --recording " +
                        config::printable(answer.data_dir) + "\n");
}

}  // namespace weir::control
