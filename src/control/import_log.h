// `weir import --log`: an access log, or a recording, into the recorder and the caller directory,
// so that a new installation knows its callers on its first day. Each entry of a log is decided
// under the configuration, in virtual time and with limits that are full at its beginning, and
// written down as a live request is; the directory counts what the log says became of it. A
// recording is counted into the directory; its segments stay where they are, for weir plan
// --recording.
//
// Beside a running gateway and without one: segments are added under new names, and the directory
// is a database with its own lock. Nothing is added where an error ends it, or whoever runs it.
//
// Not twice: of a log that was imported before, told by a digest of its first 4 KiB (rotated and
// packed it is the same log), only what stands behind its last line is taken. Of a recording of
// this installation only what is older than all that the directory has seen. Docs:
// docs/design/014-callers.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::control {

struct ImportQuestion {
  std::string configuration;
  std::string data_dir;  // made when missing
  std::vector<std::string> logs;
  std::vector<std::string> recordings;  // data_dirs, or folders of segments
  std::string log_format = "auto";
  std::vector<std::string> fields;                   // foreign/field_map.h
  std::string host;                                  // of log lines that have none
  std::string zone;                                  // of times that have none
  std::function<void(std::span<std::byte>)> random;  // for a new installation's secrets
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct ImportAnswer {
  std::uint64_t entries = 0, taken = 0, before = 0;  // `before`: imported before
  std::uint64_t skipped = 0, late = 0;               // lines
  std::uint64_t unjudged = 0;                        // taken, and only in the directory
  std::uint64_t would_refuse = 0;                    // of those judged
  std::uint64_t unnamed = 0;                         // of a recording, whose caller is not in it
  std::uint64_t left_out = 0;                        // that found no room in the directory
  std::uint64_t arrivals = 0, segments = 0, bytes = 0;
  std::uint64_t callers = 0, known = 0, established = 0;  // in the directory now
  std::optional<WallTime> from, to;
  std::string data_dir;
  std::vector<std::string> notes;  // about the input; printable
};

Result<ImportAnswer> run_import(const ImportQuestion& question);

std::string import_json(const ImportAnswer& answer);
std::string import_text(const ImportAnswer& answer);

}  // namespace weir::control
