// The part of `weir import` that counts recordings into the caller directory; their segments stay
// where they are.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "config/diagnostic.h"
#include "control/import_target.h"
#include "control/plan_log.h"
#include "fmt/core.h"
#include "record/caller_batches.h"
#include "record/recording.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMostSegment{std::uint64_t{1} << 32};

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

// Of what was imported from a log: as the log was counted.
record::CallerEvent event_of(const Arrival& arrival, WallTime at, const record::Flight* flight,
                             const NameTable& names) {
  const bool imported = record::is_imported(arrival);
  record::CallerEvent event = record::event_of(arrival, at, names);
  if (imported) event.ending = {}, event.rule = {};
  if (flight != nullptr && !event.ending.refused) event.ending = record::ending_of(*flight);
  event.ending.recorded = !imported;
  return event;
}

// One segment at a time: shapes stand in each anew.
Result<> import_segment(const std::string& bytes, const std::string& path, ImportTarget& target,
                        const ImportedBefore& remembered, std::optional<WallTime> own_until,
                        ImportCount& counted, std::vector<store::ImportedLog>& logs,
                        ImportAnswer& answer) {
  record::Recording recording;
  if (auto read = record::read_segment(std::as_bytes(std::span(bytes)), recording); !read) {
    answer.notes.push_back(fmt::format("{}: left out: {}", config::printable(path),
                                       config::printable(to_string(read.error()))));
    return {};
  }
  answer.skipped += recording.damage.blocks;
  record::sort_arrivals(recording);
  const std::string_view head = std::string_view(bytes).substr(0, PlanLogs::kHead);
  const std::optional<WallTime> until = remembered.taken(head).until;
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
    const auto flight = flights.find(arrival.exchange);
    const record::CallerEvent event =
        event_of(arrival, at, flight == flights.end() ? nullptr : flight->second, recording.names);
    if (auto added = counted.add(*name, event); !added) return added;
  }
  if (taken > 0) {
    logs.push_back({.length = head.size(),
                    .digest = digest_of_head(head),
                    .name = path.substr(0, 256),
                    .until = WallTime(recording.arrivals.back().stamp.time_since_epoch()),
                    .entries = taken});
  }
  return {};
}

}  // namespace

Result<> import_recordings(const ImportQuestion& question, ImportTarget& target,
                           ImportAnswer& answer) {
  auto remembered = target.directory->logs();
  if (!remembered) return std::unexpected(remembered.error());
  const auto totals = target.directory->totals({});
  if (!totals) return std::unexpected(totals.error());
  auto counted = ImportCount::open(target.key);
  if (!counted) return std::unexpected(counted.error());
  const ImportedBefore known(std::move(*remembered));
  std::vector<store::ImportedLog> logs;
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

}  // namespace weir::control
