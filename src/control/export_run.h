// `weir export`: the recorded arrivals of a data_dir as lines, in the order of replay. Reads files:
// the command line, never a loop. Memory: as record/recording_stream.h, and 64 KiB of lines.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "control/export_rows.h"

namespace weir::control {

struct ExportQuestion {
  std::string folder;  // a data_dir, or its folder of segments
  ExportForm form = ExportForm::jsonl;
  std::optional<WallTime> since, until;  // from this one on, and before that one
  // Takes whole lines; false: nobody reads any more.
  std::function<bool(std::string_view)> write;
};

struct ExportAnswer {
  std::uint64_t segments = 0, rows = 0;
  std::uint64_t damaged_blocks = 0, skipped_bytes = 0, lost_shapes = 0;
  std::vector<std::string> left_out;  // segments that could not be read, and why; printable
};

// An error where there is no recording, or no segment of it could be read.
Result<ExportAnswer> run_export(const ExportQuestion& question);

}  // namespace weir::control
