#include "control/export_run.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "record/segment.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMostSegment{std::uint64_t{1} << 32};
constexpr std::size_t kChunk = 64 << 10;

Result<std::vector<std::string>> segments_of(const std::string& folder) {
  std::error_code error;
  const fs::path root(folder),
      segments = fs::is_directory(root / "segments", error) ? root / "segments" : root;
  std::vector<std::string> paths;
  error.clear();
  for (fs::directory_iterator it(segments, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".weirseg") paths.push_back(it->path().string());
  }
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("could not read {}: {}", config::printable(folder), error.message()),
                Origin::system);
  }
  if (paths.empty()) {
    return fail(ErrorKind::not_found,
                fmt::format("{} holds no recording (*.weirseg)", config::printable(folder)),
                Origin::system);
  }
  std::ranges::sort(paths);  // a name begins with the start of the process and counts on
  return paths;
}

class Lines {
 public:
  Lines(const ExportQuestion& question, ExportAnswer& answer)
      : question_(question), answer_(answer), out_(export_heading(question.form)) {}

  // False: nobody reads any more.
  bool add(const record::Recording& recording) {
    for (const Arrival& arrival : recording.arrivals) {
      const WallTime at(arrival.stamp.time_since_epoch());
      if ((question_.since && at < *question_.since) || (question_.until && at >= *question_.until))
        continue;
      append_exported(out_, question_.form, recording, arrival);
      ++answer_.rows;
      if (out_.size() >= kChunk && !flush()) return false;
    }
    return true;
  }
  bool flush() {
    const bool taken = out_.empty() || question_.write(out_);
    out_.clear();
    return taken;
  }

 private:
  const ExportQuestion& question_;
  ExportAnswer& answer_;
  std::string out_;
};

}  // namespace

Result<ExportAnswer> run_export(const ExportQuestion& question) {
  const auto paths = segments_of(question.folder);
  if (!paths) return std::unexpected(paths.error());
  ExportAnswer answer;
  Lines lines(question, answer);
  for (const std::string& path : *paths) {
    const auto bytes = store::read_file(path, kMostSegment);
    record::Recording recording;  // shapes stand in each segment anew
    const Result<> read = bytes ? record::read_segment(std::as_bytes(std::span(*bytes)), recording)
                                : Result<>(std::unexpected(bytes.error()));
    if (!read) {
      answer.left_out.push_back(fmt::format("{}: left out: {}", config::printable(path),
                                            config::printable(to_string(read.error()))));
      continue;
    }
    ++answer.segments;
    answer.damaged_blocks += recording.damage.blocks;
    answer.skipped_bytes += recording.damage.bytes;
    answer.lost_shapes += recording.damage.shapes;
    record::sort_arrivals(recording);
    if (!lines.add(recording)) return answer;
  }
  if (answer.segments == 0) {
    return fail(ErrorKind::invalid,
                fmt::format("no segment in {} could be read: {}",
                            config::printable(question.folder), answer.left_out.front()),
                Origin::system);
  }
  lines.flush();
  return answer;
}

}  // namespace weir::control
