#include "control/import_segments.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "fmt/core.h"
#include "model/request_id.h"

namespace weir::control {
namespace {

constexpr std::size_t kBatch = 64 * 1024, kOut = 256 * 1024;
static_assert(kBatch >= record::ArrivalEncoder::kMaxItems);

std::unexpected<Error> wrong(std::string_view what, const std::string& path) {
  return fail(errno == ENOSPC || errno == EDQUOT ? ErrorKind::full : ErrorKind::io,
              fmt::format("could not {} {}: {}", what, path, std::strerror(errno)), Origin::system);
}

}  // namespace

ImportSegments::ImportSegments(std::string folder, const Policy& policy, const NameTable& names,
                               HashKey key)
    : folder_(std::move(folder)),
      policy_(policy),
      names_(names),
      key_(key),
      shaper_(policy, names, key),
      batch_(kBatch) {}

ImportSegments::~ImportSegments() {
  if (file_ >= 0) ::close(file_);
  for (std::size_t i = published_; i < parts_.size(); ++i) ::unlink(parts_[i].part.c_str());
}

Result<> ImportSegments::add(const Arrival& arrival, const record::Judged& judged,
                             const std::optional<record::Flight>& flight) {
  if (!writer_ || size_ + out_.size() >= kSegment) {
    if (auto begun = begin(WallTime(arrival.stamp.time_since_epoch())); !begun) return begun;
  }
  ++arrivals_;
  auto put = append(
      [&](std::span<std::byte> room) { return encoder_.encode(arrival, judged, shaper_, room); });
  if (!put || !flight) return put;
  return append([&](std::span<std::byte> room) { return record::put_flight(*flight, room); });
}

// `write` answers the bytes that it used, 0 where the room did not suffice; an empty batch has
// room.
template <class Write>
Result<> ImportSegments::append(Write write) {
  std::size_t size = write(std::span(batch_).subspan(used_));
  if (size == 0) {
    if (auto handed = hand_on(); !handed) return handed;
    size = write(batch_);
  }
  used_ += size;
  return {};
}

Result<> ImportSegments::begin(WallTime at) {
  if (auto ended = end(); !ended) return ended;
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return wrong("make", folder_);
  struct statvfs disk{};
  if (::statvfs(folder_.c_str(), &disk) == 0 && disk.f_blocks > 0 &&
      disk.f_bavail * 100 < disk.f_blocks * kMinFreePercent) {
    return fail(ErrorKind::full,
                fmt::format("less than {} % of the disk of {} is free: nothing is imported",
                            kMinFreePercent, folder_),
                Origin::system);
  }
  if (parts_.empty())
    start_ = static_cast<std::uint64_t>(std::max<std::int64_t>(at.time_since_epoch().count(), 0));
  Part part;
  do {  // two logs may begin in one moment
    part.name = fmt::format("{}/{:019}-{:06}.weirseg", folder_, start_, parts_.size() + 1);
    part.part = fmt::format("{}.{}.part", part.name, ::getpid());
  } while (parts_.empty() && ::access(part.name.c_str(), F_OK) == 0 && ++start_ > 0);
  file_ = ::open(part.part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0) return wrong("make", part.part);
  parts_.push_back(std::move(part));
  size_ = 0;
  encoder_.begin_segment();
  writer_.emplace(record::SegmentStart{.installation = InstallationId::of(key_),
                                       .wall = at,
                                       .stamp = Stamp(at.time_since_epoch()),
                                       .number = parts_.size()},
                  names_, out_);
  writer_->policy({.revision = policy_.revision,
                   .hash = policy_.hash,
                   .literals = shaper_.literals().segments()});
  return {};
}

Result<> ImportSegments::hand_on() {
  writer_->add(std::span(batch_).first(used_));
  used_ = 0;
  return write_out(kOut);
}

Result<> ImportSegments::write_out(std::size_t keep_below) {
  if (out_.size() < keep_below) return {};
  std::string_view left = out_;
  while (!left.empty()) {
    const ssize_t wrote = ::write(file_, left.data(), left.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return wrong("write", parts_.back().part);
    left.remove_prefix(static_cast<std::size_t>(wrote));
  }
  size_ += out_.size();
  bytes_ += out_.size();
  out_.clear();
  return {};
}

Result<> ImportSegments::end() {
  if (!writer_) return {};
  if (auto handed = hand_on(); !handed) return handed;
  writer_->flush();
  if (auto written = write_out(0); !written) return written;
  writer_.reset();
  const bool synced = ::fsync(file_) == 0;
  const bool closed = ::close(std::exchange(file_, -1)) == 0;
  if (!synced || !closed) return wrong("write", parts_.back().part);
  return {};
}

Result<> ImportSegments::publish() {
  if (auto ended = end(); !ended) return ended;
  for (; published_ < parts_.size(); ++published_) {
    const Part& part = parts_[published_];
    if (::rename(part.part.c_str(), part.name.c_str()) != 0) return wrong("make", part.name);
  }
  return {};
}

void ImportSegments::withdraw() {
  for (std::size_t i = 0; i < published_; ++i) ::unlink(parts_[i].name.c_str());
}

}  // namespace weir::control
