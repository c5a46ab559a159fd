// The segment files of one run of the process, on the scribe's thread: one is written to; when it
// is large enough the next one begins under a new epoch, and the one before takes what was still
// filled under its own epoch until it is closed. Not a byte of a segment is written while the disk
// has less free than asked for; when there is room again, or after any failed write, a new segment
// begins, because shapes that were lost would be missed in the old one; in the same file where
// nothing of it was written, and more seldom while errors follow each other. Together the segments
// of a folder stay below bounds of bytes and age: when one begins, the oldest make room for it;
// where there is little traffic, one begins after an eighth of the age, so that what is too old can
// go.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "export/buffers.h"
#include "model/names.h"
#include "record/segment.h"

namespace weir::exporting {

// What the names of a run's files begin with, so that they sort by age: wall nanoseconds of its
// start, or behind all that are in the folder where the clock was put back.
std::uint64_t start_id(const std::string& folder, WallTime started);

struct SegmentFilesOptions {
  std::string folder;
  std::uint64_t bytes = 0;              // a segment of this size is the last of its epoch
  unsigned min_free_percent = 5;
  std::uint64_t start_id = 0;  // as start_id() says
  record::SegmentStart start;
};

class SegmentFiles {
 public:
  SegmentFiles(SegmentFilesOptions options, const NameTable& names);
  ~SegmentFiles();
  // Makes the folder; an error when files cannot be made in it. The first file comes with the first policy or buffer.
  Result<> open_folder();

  std::uint32_t epoch() const { return epoch_; }
  // `configuration`: what it was compiled from; null where nobody knows.
  void policy(record::RecordedPolicy policy, std::shared_ptr<const record::RecordedConfiguration> configuration);
  // What the folder holds at most: the oldest segments go.
  struct Bounds {
    std::uint64_t bytes = UINT64_MAX;   // all together
    Nanos age = Nanos::max();           // since a segment was written to last
  };
  void bounds(Bounds bounds) { bounds_ = bounds; }
  void conditions(record::RecordedConditions conditions);

  // False: dropped.
  bool add(const Buffer& buffer);
  // About once a second: what is pending goes to the files, the space left is looked at, files change where due.
  // `waited`: since the last time.
  void tick(Nanos waited);
  void close();

  std::uint64_t bytes_written() const { return bytes_written_; }
  std::uint64_t files() const { return number_; }
  std::uint64_t arrivals() const { return arrivals_; }
  std::uint64_t errors() const { return errors_; }
  bool disk_low() const { return disk_low_; }
  const std::string& last_error() const { return last_error_; }

 private:
  static constexpr int kOldTicks = 5;           // workers hand on what they hold every 100 ms
  static constexpr std::size_t kPolicies = 8;   // as many as live at most

  static constexpr Nanos kFirstPause = std::chrono::seconds(1),
                         kLongestPause = std::chrono::seconds(60);

  struct File {
    std::string path;
    int fd = -1;
    std::string out;
    std::optional<record::SegmentWriter> writer;
    std::uint64_t size = 0;
    Nanos age{0};
    ~File();
  };
  struct KeptPolicy {
    record::RecordedPolicy policy;
    std::shared_ptr<const record::RecordedConfiguration> configuration;
  };
  static void write(record::SegmentWriter& writer, const KeptPolicy& kept);
  bool begin();                                 // a new file; false: last_error() says why not
  bool write_out(File& file);
  void look_at_disk();
  void remove_oldest();
  bool is_full(const File& file) const;

  SegmentFilesOptions options_;
  Bounds bounds_;
  const NameTable& names_;
  std::unique_ptr<File> current_, old_;
  std::uint32_t epoch_ = 0;
  int old_ticks_ = 0;
  bool wanted_ = false;                         // something is to be recorded
  bool broken_ = false;                         // a write to the current file failed, or it could not be made
  Nanos pause_{0},
      resting_{0};  // after an error, until the next segment begins; what is left of it
  bool disk_low_ = false;
  std::deque<KeptPolicy> policies_;
  std::optional<record::RecordedConditions> conditions_;
  std::uint64_t number_ = 0, bytes_written_ = 0, arrivals_ = 0, errors_ = 0;
  std::string last_error_;
};

}  // namespace weir::exporting
