#include "export/segment_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "fmt/core.h"

namespace weir::exporting {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

std::uint64_t start_id(const std::string& folder, WallTime started) {
  constexpr std::size_t kDigits = 19;
  auto id = static_cast<std::uint64_t>(started.time_since_epoch().count());
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.size() <= kDigits || name[kDigits] != '-') continue;
    std::int64_t other = 0;  // more is no time
    const auto [at, bad] = std::from_chars(name.data(), name.data() + kDigits, other);
    if (bad != std::errc() || at != name.data() + kDigits || other < 0) continue;
    if (other < std::numeric_limits<std::int64_t>::max())
      id = std::max(id, static_cast<std::uint64_t>(other) + 1);
  }
  return id;
}

SegmentFiles::File::~File() {
  if (fd >= 0) ::close(fd);
}

SegmentFiles::SegmentFiles(SegmentFilesOptions options, const NameTable& names)
    : options_(std::move(options)), names_(names) {}

SegmentFiles::~SegmentFiles() { close(); }

Result<> SegmentFiles::open_folder() {
  const std::string& folder = options_.folder;
  if ((::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) || ::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fail(ErrorKind::io, fmt::format("cannot record in the folder {}: {}", folder, reason(errno)), Origin::system);
  }
  look_at_disk();
  return {};
}

bool SegmentFiles::begin() {
  wanted_ = true;
  remove_oldest();
  auto file = std::make_unique<File>();
  if (broken_ && current_ != nullptr &&
      current_->size == 0) {  // not a byte of it could be written: once more
    file->path = current_->path;
    file->fd = std::exchange(current_->fd, -1);
    current_.reset();
  } else {
    file->path =
        fmt::format("{}/{:019}-{:06}.weirseg", options_.folder, options_.start_id, number_ + 1);
    file->fd = ::open(file->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file->fd < 0) {
      ++errors_;
      last_error_ = fmt::format("cannot make {}: {}", file->path, reason(errno));
      broken_ = true;
      return false;
    }
    ++number_;
  }
  record::SegmentStart start = options_.start;
  start.number = number_;
  file->writer.emplace(start, names_, file->out);
  for (const KeptPolicy& kept : policies_) write(*file->writer, kept);
  if (conditions_) file->writer->conditions(*conditions_);
  if (old_ != nullptr) write_out(*old_);
  old_ = std::move(current_);
  old_ticks_ = 0;
  current_ = std::move(file);
  broken_ = false;
  ++epoch_;
  return true;
}

// Names sort by start of the process and number, so by age; where they do not, files that are being
// written to stay all the same. A snapshot goes with the segment whose name it bears.
void SegmentFiles::remove_oldest() {
  std::error_code error;
  struct Seen {
    std::uint64_t size;
    bool too_old;
  };
  std::map<std::string, Seen> files;
  std::uint64_t total = 0;
  const auto now = std::filesystem::file_time_type::clock::now();
  const auto snapshot_of = [](std::filesystem::path path) { return path.replace_extension(".weirsnap"); };
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder, error)) {
    const bool is_segment = entry.path().extension() == ".weirseg";
    if (!is_segment && entry.path().extension() != ".weirsnap") continue;
    const std::uint64_t size = entry.file_size(error);
    if (error) continue;
    total += size;
    if (!is_segment) continue;
    files.emplace(entry.path().string(), Seen{.size = size, .too_old = now - entry.last_write_time(error) > bounds_.age});
  }
  for (auto at = files.begin(); at != files.end() && std::next(at) != files.end();
       ++at) {  // not the newest
    if ((current_ != nullptr && current_->path == at->first) ||
        (old_ != nullptr && old_->path == at->first))
      continue;
    if (!at->second.too_old && total <= bounds_.bytes - std::min(bounds_.bytes, options_.bytes)) break;
    const std::filesystem::path snapshot = snapshot_of(at->first);
    const std::uintmax_t snapshot_size = std::filesystem::file_size(snapshot, error);
    if (std::filesystem::remove(at->first, error)) total -= at->second.size;
    if (std::filesystem::remove(snapshot, error)) total -= snapshot_size;
  }
}

void SegmentFiles::write(record::SegmentWriter& writer, const KeptPolicy& kept) {
  if (kept.configuration != nullptr) writer.configuration(*kept.configuration);
  writer.policy(kept.policy);
}

void SegmentFiles::policy(record::RecordedPolicy policy, std::shared_ptr<const record::RecordedConfiguration> configuration) {
  policies_.push_back({std::move(policy), std::move(configuration)});
  if (current_ != nullptr) write(*current_->writer, policies_.back());
  if (policies_.size() > kPolicies) policies_.pop_front();
  if (current_ == nullptr && !disk_low_) begin();
}

void SegmentFiles::conditions(record::RecordedConditions conditions) {
  if (current_ != nullptr) current_->writer->conditions(conditions);
  conditions_ = std::move(conditions);
}

bool SegmentFiles::add(const Buffer& buffer) {
  if (disk_low_ || broken_ || (current_ == nullptr && !begin())) return false;
  File* const file = buffer.epoch == epoch_ ? current_.get() : buffer.epoch + 1 == epoch_ ? old_.get() : nullptr;
  if (file == nullptr) return false;
  const std::uint64_t before = file->writer->arrivals();
  file->writer->add(std::span(buffer.bytes).first(buffer.used));
  arrivals_ += file->writer->arrivals() - before;
  return file->out.size() < kBufferSize || write_out(*file);
}

bool SegmentFiles::write_out(File& file) {
  std::string_view left = file.out;
  bool written_all = true;
  while (!left.empty()) {
    const ssize_t written = ::write(file.fd, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      ++errors_;
      last_error_ = "cannot write a segment: " + reason(errno);
      broken_ = broken_ || &file == current_.get();
      written_all = false;
      break;
    }
    left.remove_prefix(static_cast<std::size_t>(written));
    bytes_written_ += static_cast<std::uint64_t>(written);
    file.size += static_cast<std::uint64_t>(written);
  }
  if (written_all && !file.out.empty() && &file == current_.get() && pause_ > Nanos(0)) {
    pause_ = resting_ = Nanos(0);
    last_error_.clear();
  }
  file.out.clear();
  return written_all;
}

bool SegmentFiles::is_full(const File& file) const {
  return file.size >= options_.bytes || file.age >= bounds_.age / 8;
}

void SegmentFiles::tick(Nanos waited) {
  const bool was_low = disk_low_;
  look_at_disk();
  resting_ -= std::min(resting_, waited);
  if (!wanted_) return;
  if (disk_low_) {
    // What is pending would take room that others need more; it is given up with the file it belongs to.
    broken_ = true;
    return;
  }
  if (old_ != nullptr) {
    old_->writer->flush();
    write_out(*old_);
    if (++old_ticks_ >= kOldTicks) old_.reset();
  }
  if (current_ != nullptr) current_->age += waited;
  if (current_ != nullptr && !broken_) {
    current_->writer->flush();
    write_out(*current_);
  }
  const bool full = current_ != nullptr && is_full(*current_) && old_ == nullptr;
  if (!(full || broken_ || was_low) || resting_ > Nanos(0)) return;
  if (broken_ && !was_low) resting_ = pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
  if (begin() && pause_ == Nanos(0)) last_error_.clear();
}

void SegmentFiles::look_at_disk() {
  struct statvfs disk{};
  if (::statvfs(options_.folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return;
  disk_low_ = disk.f_bavail * 100 < disk.f_blocks * options_.min_free_percent;
  if (disk_low_) last_error_ = fmt::format("recording stopped: less than {} % of the disk is free", options_.min_free_percent);
}

void SegmentFiles::close() {
  for (auto* file : {&old_, &current_}) {
    if (*file == nullptr) continue;
    if (!disk_low_ && !(broken_ && file == &current_)) {
      (*file)->writer->flush();
      write_out(**file);
    }
    if ((*file)->size == 0) ::unlink((*file)->path.c_str());
    file->reset();
  }
}

}  // namespace weir::exporting
