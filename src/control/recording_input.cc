#include "control/recording_input.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "record/snapshot.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMostSegment{std::uint64_t{1} << 32};
constexpr Bytes kMostSnapshot{std::uint64_t{1} << 26};

fs::path segments_of(const std::string& folder) {
  std::error_code error;
  const fs::path root(folder);
  return fs::is_directory(root / "segments", error) ? root / "segments" : root;
}

std::string left_out_text(const std::string& path, const Error& why) {
  return fmt::format("{}: left out: {}", config::printable(path),
                     config::printable(to_string(why)));
}

void keep_newest(std::vector<std::string>& sorted, Bytes most) {
  std::uint64_t bytes = 0;
  auto first = sorted.end();
  while (first != sorted.begin()) {
    std::error_code ignored;
    const std::uintmax_t size = fs::file_size(*std::prev(first), ignored);
    bytes += ignored ? 0 : size;
    if (bytes > most.count && first != sorted.end()) break;
    --first;
  }
  sorted.erase(sorted.begin(), first);
}

HashKey key_of(const std::string& hex) {
  const auto word = [&](std::size_t from) {
    return std::stoull(hex.substr(from, 16), nullptr, 16);
  };
  return {.k0 = word(0), .k1 = word(16)};
}

}  // namespace

Result<HashKey> recording_key(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    for (const fs::path& place : {fs::path(folder), segments_of(folder).parent_path()}) {
      const std::string path = (place / "installation.key").string();
      const auto hex = store::read_file(path, 1_KiB);
      if (!hex) continue;
      if (hex->size() < 32 || hex->find_first_not_of("0123456789abcdef\n") != std::string::npos) {
        return fail(ErrorKind::invalid,
                    fmt::format("{} is no installation key", config::printable(path)),
                    Origin::system);
      }
      return key_of(*hex);
    }
  }
  return fail(ErrorKind::not_found,
              fmt::format("there is no installation.key in {} or beside its segments: give the "
                          "data_dir of the weir that recorded",
                          config::printable(folders.empty() ? "" : folders.front())),
              Origin::system);
}

Result<RecordingInput> RecordingInput::open(const std::vector<std::string>& folders,
                                            std::optional<Bytes> most, record::Wanted wanted) {
  RecordingInput input;
  std::vector<record::SegmentStart> starts;
  for (const std::string& folder : folders) {
    if (auto listed = input.list(folder, most, starts); !listed) return std::unexpected(listed.error());
  }
  if (starts.empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("no segment in {} could be read: {}",
                            config::printable(folders.empty() ? "" : folders.front()),
                            input.unusable_.empty() ? "" : input.unusable_.front()),
                Origin::system);
  }
  input.look_for_beginning(starts);
  input.stream_ = std::make_unique<record::RecordingStream>(starts, record::RecordingStream::Options{.wanted = wanted});
  return input;
}

Result<> RecordingInput::list(const std::string& folder, std::optional<Bytes> most,
                              std::vector<record::SegmentStart>& starts) {
  std::error_code error;
  const fs::path segments = segments_of(folder);
  std::vector<std::string> found;
  for (fs::directory_iterator it(segments, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".weirseg") found.push_back(it->path().string());
  }
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("could not read {}: {}", config::printable(folder), error.message()),
                Origin::system);
  }
  if (found.empty()) {
    return fail(ErrorKind::not_found,
                fmt::format("{} holds no recording (*.weirseg)", config::printable(folder)),
                Origin::system);
  }
  std::ranges::sort(found);
  if (most) keep_newest(found, *most);
  for (const std::string& path : found) {
    const auto front = store::read_front(path, record::kStartBytes);
    const auto start = front ? record::segment_start(std::as_bytes(std::span(*front)))
                             : Result<record::SegmentStart>(std::unexpected(front.error()));
    if (!start) {
      unusable_.push_back(left_out_text(path, start.error()));
      continue;
    }
    starts.push_back(*start);
    paths_.push_back(path);
    std::error_code ignored;
    const std::uintmax_t size = fs::file_size(path, ignored);
    sizes_.push_back(ignored ? 0 : size);
    all_ += sizes_.back();
  }
  return {};
}

void RecordingInput::look_for_beginning(const std::vector<record::SegmentStart>& starts) {
  const auto first = std::ranges::min_element(starts, {}, [](const record::SegmentStart& start) {
    return std::pair(start.wall, start.number);
  });
  if (first->number == 1) return;  // every bucket was full
  const fs::path path = paths_[static_cast<std::size_t>(first - starts.begin())];
  const auto bytes =
      store::read_file(fs::path(path).replace_extension(".weirsnap").string(), kMostSnapshot);
  if (!bytes) return;
  const auto snapshot = record::read_snapshot(std::as_bytes(std::span(*bytes)));
  if (!snapshot || snapshot->start.installation != first->installation ||
      snapshot->start.wall != first->wall || snapshot->start.number != first->number ||
      snapshot->table_cells <= decide::limits::Table::kReserved) {
    return;
  }
  const Nanos shift = first->wall.time_since_epoch() - first->stamp.time_since_epoch();
  beginning_.emplace(Beginning{.position = snapshot->position + shift,
                               .limit_cells = snapshot->table_cells - decide::limits::Table::kReserved,
                               .owed = {}});
  for (const record::Snapshot::Cell& cell : snapshot->cells) {
    beginning_->owed.push_back({.place = cell.place,
                                .value = cell.value + static_cast<std::uint64_t>(shift.count()),
                                .owner = cell.owner});
  }
}

const record::RecordedArrival* RecordingInput::next() {
  for (;;) {
    switch (stream_->next()) {
      case record::RecordingStream::Next::arrival:
        return &stream_->arrival();
      case record::RecordingStream::Next::end:
        return nullptr;
      case record::RecordingStream::Next::segment:
        give_segment();
    }
  }
}

std::size_t RecordingInput::next(std::span<record::RecordedArrival> arrivals,
                                 Flights& flights) {
  flights.clear();
  std::size_t size = 0;
  while (size < arrivals.size() && stream_->next() == record::RecordingStream::Next::arrival) {
    const std::size_t before = flights.size(), more = stream_->take(arrivals.subspan(size), flights);
    for (auto& joined : std::span(flights).subspan(before)) joined.place += size;
    size += more;
  }
  return size;
}

bool RecordingInput::read_on() {
  if (stream_->next() == record::RecordingStream::Next::end) return false;
  give_segment();
  return true;
}

void RecordingInput::give_segment() {
  const std::size_t wanted = stream_->wanted();
  stream_->give(store::read_file(paths_[wanted], kMostSegment));
  read_ += sizes_[wanted];
}

std::vector<std::string> RecordingInput::left_out() const {
  std::vector<std::string> all = unusable_;
  for (const auto& [segment, why] : stream_->left_out())
    all.push_back(left_out_text(paths_[segment], why));
  return all;
}

}  // namespace weir::control
