#include "control/check_recording.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "control/text.h"
#include "fmt/core.h"
#include "record/block.h"
#include "record/flight.h"
#include "record/segment_reader.h"
#include "replay/auth_timeout.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

// What a route's auth service took.
struct Calls {
  Histogram durations;
  std::uint64_t reached = 0;
};

// Newest first.
std::vector<fs::path> segments_of(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> all;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".weirseg") all.push_back(at->path());
  }
  std::ranges::sort(all, std::greater());
  return all;
}

// The last `most` bytes of a file, and its first, which say how its stamps become wall time.
struct Piece {
  std::vector<std::byte> head, tail;
};
std::optional<Piece> piece_of(const fs::path& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  const auto size = static_cast<std::size_t>(file.tellg());
  Piece piece{.head = std::vector<std::byte>(std::min(size, record::kStartBytes)), .tail = std::vector<std::byte>(std::min(size, most))};
  const auto read = [&](std::size_t from, std::vector<std::byte>& into) {
    file.seekg(static_cast<std::streamoff>(from));
    file.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
  };
  read(0, piece.head);
  read(size - piece.tail.size(), piece.tail);
  return file ? std::optional(std::move(piece)) : std::nullopt;
}

// Flights with a call to an auth service, newest segments first, until the bounds are reached.
class LatestCalls {
 public:
  std::string read(const std::string& data_dir) {
    std::error_code error;
    const std::vector<fs::path> files = segments_of(fs::path(data_dir) / "segments", error);
    if (error && error != std::errc::no_such_file_or_directory) return note(error.message());
    std::size_t left = kMostCheckedBytes;
    for (const fs::path& path : files) {
      const auto piece = piece_of(path, left);
      if (!piece) return note(fmt::format("{} cannot be read", path.string()));
      take(*piece);
      left -= piece->tail.size();
      if (left == 0 || (newest_ && *newest_ - *oldest_ > kCheckedLately)) break;
    }
    return "";
  }

  void each(const auto& use) const {
    for (const record::Flight& flight : flights_) {
      if (*newest_ - flight.arrived <= kCheckedLately) use(flight);
    }
  }
  const NameTable& names() const { return names_; }

 private:
  static std::string note(const std::string& why) { return config::printable(fmt::format("the recording was not looked at: {}", why)); }

  void take(const Piece& piece) {
    const auto start = record::segment_start(piece.head);
    if (!start) return;   // a damaged file is nobody's fault here
    const std::int64_t shift = start->wall.time_since_epoch().count() - start->stamp.time_since_epoch().count();
    record::BlockFinder finder;
    record::Block block;
    std::vector<record::Flight> found;
    for (std::span<const std::byte> rest = piece.tail; finder.next(rest, false, block);) {
      if (block.kind != record::BlockKind::flights) continue;
      found.clear();
      record::ByteReader in(block.raw);
      if (!record::decode_flights(in, shift, names_, found)) continue;
      for (const record::Flight& flight : found) keep(flight);
    }
  }

  void keep(const record::Flight& flight) {
    newest_ = std::max(newest_.value_or(flight.arrived), flight.arrived);
    oldest_ = std::min(oldest_.value_or(flight.arrived), flight.arrived);
    if (flight.auth_upstream.valid()) flights_.push_back(flight);
  }

  NameTable names_;
  std::vector<record::Flight> flights_;
  std::optional<Stamp> newest_, oldest_;
};

config::Diagnostic warning(std::string_view route, const ExternalAuth& asked, const Calls& calls, const replay::ShortAuthTimeout& found) {
  const Source at = asked.timeout.source.line != 0 ? asked.timeout.source : asked.source;
  const std::string wanted = config::print_duration(found.wanted);
  const std::string took =
      found.cut ? fmt::format("{} of the last {} calls ran into it", grouped(calls.reached), grouped(calls.durations.count()))
                : fmt::format("the p99 of the last {} calls was {}", grouped(calls.durations.count()), milliseconds_text(static_cast<double>(found.p99.count()) / 1e6));
  return {.rule = config::Rule::auth_timeout_short,
          .severity = config::info(config::Rule::auth_timeout_short).severity,
          .at = {.file = at.file, .line = at.line, .column = at.column, .length = 0},
          .message = fmt::format("routes.{}.auth.external.timeout: it is {}, and {}", config::printable(route),
                                 config::print_duration(asked.timeout.value), took),
          .remedy = fmt::format("write {} or more, or find out why the service takes so long (--no-recording: judge the text alone)", wanted),
          .notes = {}};
}

// Where it stands in the text, as those before do.
void add(config::Outcome& outcome, config::Diagnostic made) {
  const auto place = [](const config::Diagnostic& each) { return std::tuple(each.at.file, each.at.line, each.at.column); };
  const auto behind = std::ranges::upper_bound(outcome.diagnostics, place(made), {}, place);
  outcome.diagnostics.insert(behind, std::move(made));
  ++outcome.warnings;
}

}  // namespace

std::string check_recording(const std::string& data_dir, const NameTable& names, config::Outcome& outcome) {
  const Policy& policy = *outcome.policy;
  if (policy.external_auths.empty()) return "";
  LatestCalls latest;
  if (std::string note = latest.read(data_dir); !note.empty()) return note;
  for (const Route& route : policy.routes) {
    const ExternalAuth* const asked = policy.external_auth_of(route);
    if (asked == nullptr) continue;
    const std::string_view name = names.text(route.name), service = names.text(policy.upstreams[asked->upstream.index()].name);
    Calls calls;
    latest.each([&](const record::Flight& flight) {
      if (latest.names().text(flight.route) != name || latest.names().text(flight.auth_upstream) != service) return;
      const Nanos took = std::chrono::microseconds(flight.auth_micros);
      calls.durations.add_bucket(histogram_bucket(took), flight.weight);
      if (took >= asked->timeout.value) calls.reached += flight.weight;
    });
    const auto found = replay::short_auth_timeout(asked->timeout.value, calls.durations, calls.reached);
    if (!found) continue;
    add(outcome, warning(name, *asked, calls, *found));
  }
  return "";
}

}  // namespace weir::control
