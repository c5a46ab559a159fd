// An override rehearsed before it acts: the last of the recording is decided again with it and
// without it, and the caller directory is asked who is known to be in there, so that it says whom
// it hurts also where nothing is recorded. Reads files and may take seconds: the study.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/json.h"
#include "base/time.h"
#include "base/units.h"
#include "model/names.h"
#include "model/override.h"
#include "model/policy.h"

namespace weir::control {

struct RehearsalQuestion {
  const OverrideWhat& what;
  const Policy& before;  // as it runs
  const Policy& after;   // with the override
  const NameTable& names;
  std::string data_dir;
  HashKey key;  // of the installation
  WallTime now;
  double rate = 0;  // of requests, in a second, about; 0: not known
};

struct Rehearsal {
  // What is decided again: of the last hours as much as takes a few seconds.
  static constexpr Bytes kMostRead = 64_MiB;
  static constexpr Nanos kLongest = std::chrono::hours(26);  // a plan knows known callers after 24
  static constexpr double kMostRequests = 2e6;
  static constexpr std::size_t kMostNamed = 5;

  std::optional<WallTime> from, to;  // of what was decided again; absent: nothing is recorded
  std::uint64_t requests = 0, refused = 0;  // judged; of them newly refused,
  std::uint64_t refused_known = 0;  // and of those, requests of callers who must not be hurt
  std::uint64_t callers = 0;        // newly refused
  bool by_known =
      true;  // who must not be hurt are known callers; else, where nobody is yet, established ones
  std::uint64_t hurt = 0;          // callers who must not be, by recording and directory together
  std::vector<std::string> named;  // of them, kMostNamed at most
  bool directory = false;          // it was asked
  std::vector<std::string> notes;  // what else a person should know; printable
  bool harms = false;
};

Rehearsal rehearse(const RehearsalQuestion& question);

// What people are told, a line each.
std::vector<std::string> rehearsal_lines(const Rehearsal& rehearsal);
void write_rehearsal(JsonWriter& json, const Rehearsal& rehearsal);

}  // namespace weir::control
