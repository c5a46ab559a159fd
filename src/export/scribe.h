// The scribe: the thread that writes files, so that no worker ever does. It empties the lanes of all workers into the
// access log and into segment files (record/segment.h), every 20 ms or when it is woken; it opens files anew on
// reopen() (USR1), and when a file cannot be written it drops, counts and says so, and goes on.
//
// Segments: data_dir/segments/<start>-<number>.weirseg, one at a time; a new one begins at `segment_bytes`. Because
// workers write a shape's text once per segment, beginning one raises the epoch of the record lanes: buffers filled
// under the old epoch still go to the old file, which is closed a few ticks later. Recording stops while the disk has
// less than 5 % free, and the oldest segments go when all together exceed what the newest policy allows, in bytes or age.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "export/buffers.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"
#include "record/segment.h"
#include "record/shape.h"

namespace weir::exporting {

// Sees what workers hand over on its way to the segments, on the scribe's thread.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  virtual void batch(std::span<const std::byte> batch, std::uint32_t epoch) = 0;
  // After each emptying of the lanes. `waited`: since the last time, where nobody woke the scribe.
  // `flush`: what was taken is to be on disk when this returns. `ends`: no more will come.
  virtual void turn(Nanos waited, bool flush, bool ends) = 0;
};

struct ScribeOptions {
  std::string access_log;            // path, "-" standard output, "" off
  std::string segments;              // folder, made when missing; files come with the first recorded policy; "" never
  std::uint64_t segment_bytes = 64ull << 20;
  unsigned min_free_percent = 5;
  Nanos tick{std::chrono::milliseconds(20)};
  Nanos idle_tick{std::chrono::milliseconds(50)};   // after a turn in which nothing came
  HashKey key;                       // of the installation
  std::uint64_t start_id = 0;  // tells this run of the process from others (export/segment_files.h)
  WallTime start_wall;         // of its start,
  Stamp start_stamp;                 // and the stamp of that moment
  BatchSink* sink = nullptr;         // outlives it
};

struct ScribeStatus {
  std::uint64_t log_bytes = 0, log_buffers_dropped = 0, log_errors = 0;
  std::uint64_t segment_bytes = 0, segments = 0, arrivals = 0, record_buffers_dropped = 0, segment_errors = 0;
  bool disk_low = false;
  std::string last_error;            // "" when all is well
};

class Scribe {
 public:
  // Opens the files; what cannot be opened is an error now, not a silent loss later. Lanes and names must outlive it.
  static Result<std::unique_ptr<Scribe>> start(ScribeOptions options, const NameTable& names,
                                               std::vector<Lane*> log_lanes, std::vector<Lane*> record_lanes);
  // Writes out everything that was submitted, closes the files, ends the thread.
  ~Scribe();

  // From any thread but a worker's.
  // Will be recorded under, before it is used. `configuration`: its text, so that others can decide by it again.
  void policy(const Policy& policy, const record::Literals& kept,
              std::shared_ptr<const record::RecordedConfiguration> configuration = nullptr);
  void conditions(const Conditions& conditions, const Policy& policy);
  void set_access_log(std::string path);   // a new policy names another file
  void reopen();                           // the access log anew at its path; at the next turn
  void flush();                            // waits until everything submitted before has been written
  ScribeStatus status() const;

 private:
  class State;
  explicit Scribe(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::exporting
