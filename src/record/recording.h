// What segments hold, read back: what arrivals refer to (shapes, names, policies, conditions) and,
// where all was read at once, the arrivals and flights themselves. A recording of any length is
// read as a stream instead (record/recording_stream.h): then those stay empty, and shapes that no
// arrival to come refers to go.
//
// Revisions and conditions are numbered by each run of the process anew: `run` tells whose they
// are. Digests of shapes are the same over all of an installation.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/records.h"
#include "model/request_id.h"
#include "model/shapes.h"
#include "record/flight.h"

namespace weir::record {

struct SegmentStart {
  InstallationId installation;
  WallTime wall;  // of the start of the process, the same in all its segments:
  Stamp stamp;    // stamps of different runs are put on one line by it
  std::uint64_t number = 0;
  bool hops = true;  // its arrivals say how often a request was here before
};

struct RecordedPolicy {
  std::uint32_t revision = 0;
  std::string hash;
  std::vector<std::string> literals;  // Literals::segments
  std::uint32_t run = 0;              // not written
  std::uint64_t bytes = 0;            // not written: what the literals take in memory
};

// From a log (control/import_log.h), by its revision, which no live one has: its verdict is what
// the configuration of then would have said. What became of it is in its flight alone, as far as
// the log said.
inline bool is_imported(const Arrival& arrival) { return arrival.revision == 0; }

// The text of a configuration, so that what it decided can be decided again later, by anybody who
// has the recording.
struct RecordedConfiguration {
  struct File {
    std::string name, text;
    friend bool operator==(const File&, const File&) = default;
  };
  std::string hash;       // RecordedPolicy::hash
  std::string directory;  // that relative names of files begin at
  std::vector<File> files;
};

struct RecordedConditions {
  std::uint64_t number = 0;
  std::vector<std::uint64_t> unusable;  // Endpoint::identity
  std::shared_ptr<const CallerPeaks> peaks = {};  // null: none were published, or they are lost
  std::uint32_t run = 0;                // not written
};

// Peaks are read before the conditions that name them, which may be many.
struct RecordedPeaks {
  std::shared_ptr<const CallerPeaks> peaks;
  std::uint32_t run = 0;
};

struct RecordedArrival : Arrival {  // its stamp is nanoseconds of wall time, see SegmentStart
  std::uint32_t run = 0;            // index into Recording::runs
  bool hops_known = false;          // SegmentStart::hops
};

// Digests are spread already.
struct DigestHash {
  using is_avalanching = void;
  std::size_t operator()(std::uint64_t digest) const { return digest; }
};
template <class Value>
using ByDigest = boost::unordered_flat_map<std::uint64_t, Value, DigestHash>;

struct Recording {
  struct KeptShape {
    Shape shape;
    std::uint32_t segment = 0;  // the last one in which it stood, in the order of reading
  };

  // A short string takes many times what it took in its block: what literals of all policies, and
  // texts of all configurations, take in memory. Of policies beyond it the oldest go, of
  // configurations the newest; each is damage, and so is a single one that takes more.
  static constexpr std::uint64_t kMostLiterals = 256 * 1024 * 1024, kMostTexts = kMostLiterals;

  InstallationId installation{0};  // 0: nothing read yet
  std::vector<std::pair<WallTime, Stamp>> runs;
  std::vector<RecordedPolicy> policies;
  std::unordered_map<std::string, RecordedConfiguration> configurations;  // by hash
  std::uint64_t texts = 0;  // bytes that these take in memory
  std::vector<RecordedConditions> conditions;
  std::vector<RecordedPeaks> peaks;
  std::unordered_map<std::uint64_t, KeptShape, DigestHash> shapes;
  NameTable names;  // of the NameIds in arrivals and flights only
  std::vector<RecordedArrival> arrivals;
  std::vector<Flight> flights;  // joined to arrivals by `exchange`, or by their place in the order
  // Goes up when something that was looked up may have gone or changed: forget what was kept of it.
  std::uint64_t generation = 0;

  struct Damage {
    std::uint64_t blocks = 0;  // lost
    std::uint64_t bytes = 0;   // skipped
    std::uint64_t shapes = 0;  // not decodable
  } damage;

  // The last one of that number; null: not recorded.
  const RecordedPolicy* policy(std::uint32_t revision, std::uint32_t run = 0) const;
  const RecordedConditions* condition(std::uint64_t number, std::uint32_t run) const;
  std::shared_ptr<const CallerPeaks> peaks_of(std::uint64_t number, std::uint32_t run) const;   // null: not there
  template <class T>
  const T* shape(std::uint64_t digest) const {
    const auto found = shapes.find(digest);
    return found == shapes.end() ? nullptr : std::get_if<T>(&found->second.shape);
  }
};

// The order of replay: (stamp, worker, sequence). A flight has that of its arrival.
struct BeforeInReplay {
  bool operator()(const Arrival& a, const Arrival& b) const;
  bool operator()(const Flight& a, const Flight& b) const;
};
inline constexpr BeforeInReplay before_in_replay;

// Adds a segment with its arrivals and flights. Fails when it is none, of another version or of
// another installation; damage within is counted.
Result<> read_segment(std::span<const std::byte> bytes, Recording& into);

// Puts the arrivals into the order of replay; once after the last segment.
void sort_arrivals(Recording& recording);

}  // namespace weir::record
