#include "store/segment_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "fmt/core.h"

namespace weir::store {
namespace {

constexpr std::string_view kEnding = ".weirseg";

record::Wanted wanted(bool arrivals) { return {.arrivals = arrivals, .flights = false, .configurations = false}; }

}  // namespace

SegmentTail::File::File(int descriptor, std::uint64_t number_of, record::Recording& into)
    : fd(descriptor), number(number_of), reader(into, static_cast<std::uint32_t>(number_of), wanted(true)) {}

SegmentTail::File::~File() { ::close(fd); }

SegmentTail::SegmentTail(std::string folder, std::uint64_t start_id)
    : folder_(std::move(folder)), prefix_(fmt::format("{:019}-", start_id)) {}

SegmentTail::~SegmentTail() = default;

void SegmentTail::look_for_files() {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(prefix_) || !name.ends_with(kEnding)) continue;
    std::uint64_t number = 0;
    const char* const last = name.data() + name.size() - kEnding.size();
    const auto [at, bad] = std::from_chars(name.data() + prefix_.size(), last, number);
    if (bad == std::errc() && at == last && number > newest_) found.emplace_back(number, it->path().string());
  }
  std::ranges::sort(found);
  for (const auto& [number, path] : found) {
    if (!files_.empty()) files_.back()->quiet_since.reset();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    newest_ = number;
    if (fd >= 0) files_.push_back(std::make_unique<File>(fd, number, recording_));
    else if (errno != ENOENT) ++errors_;
  }
}

bool SegmentTail::read(std::size_t most, Stamp now, Arrivals* out) {
  look_for_files();
  for (std::size_t i = 0; i < files_.size();) {
    File& file = *files_[i];
    const std::uint64_t begin = file.offset;
    bool sound = true, more = true;
    for (std::size_t taken = 0; sound && more && taken < most; taken += kChunk) {
      const std::uint64_t before = file.offset;
      sound = read_some(file, out);
      more = file.offset - before == kChunk;
    }
    if (sound && more) return true;
    if (file.offset != begin) file.quiet_since.reset();
    else if (!file.quiet_since) file.quiet_since = now;
    const bool is_over = file.number != newest_ && file.quiet_since && now - *file.quiet_since >= kQuiet;
    if (sound && is_over) take(file, record::SegmentReader::Tail::whole, out);
    if (!sound) ++errors_;
    if (sound && !is_over) {
      ++i;
    } else {
      files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
      forget_shapes(out);
    }
  }
  return false;
}

// False: the file cannot be used any further.
bool SegmentTail::read_some(File& file, Arrivals* out) {
  const std::size_t before = file.rest.size();
  file.rest.resize(before + kChunk);
  ssize_t got;
  do {
    got = ::pread(file.fd, file.rest.data() + before, kChunk, static_cast<off_t>(file.offset));
  } while (got < 0 && errno == EINTR);
  file.rest.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got <= 0) return got == 0;
  file.offset += static_cast<std::uint64_t>(got);
  return take(file, record::SegmentReader::Tail::growing, out);
}

bool SegmentTail::take(File& file, record::SegmentReader::Tail tail, Arrivals* out) {
  const std::uint64_t begin = file.reader.taken();
  file.reader.want(wanted(out != nullptr));
  for (;;) {
    const std::size_t used = static_cast<std::size_t>(file.reader.taken() - begin);
    if (out != nullptr && block_.arrivals.capacity() == 0) block_.arrivals = out->spare();
    const auto more = file.reader.next(std::span(file.rest).subspan(used), tail, block_);
    if (!more) return false;
    if (!block_.arrivals.empty()) out->push(std::exchange(block_.arrivals, {}), static_cast<std::uint32_t>(file.number));
    if (!*more) break;
  }
  file.rest.erase(file.rest.begin(), file.rest.begin() + static_cast<std::ptrdiff_t>(file.reader.taken() - begin));
  forget_policies();
  return true;
}

// What only segments gone by refer to.
void SegmentTail::forget_shapes(const Arrivals* out) {
  std::uint64_t oldest = files_.empty() ? newest_ : files_.front()->number;
  if (out != nullptr) oldest = out->oldest_origin(static_cast<std::uint32_t>(oldest));
  std::erase_if(recording_.shapes, [&](const auto& kept) { return kept.second.segment < oldest; });
  ++recording_.generation;
}

// A segment may stay open for long, and see any number of changes.
void SegmentTail::forget_policies() {
  const auto keep_last = [&](auto& list) {
    if (list.size() <= 2 * kMostPolicies) return;
    list.erase(list.begin(), list.end() - kMostPolicies);
    ++recording_.generation;
  };
  keep_last(recording_.policies);
  keep_last(recording_.conditions);
  keep_last(recording_.peaks);
}

}  // namespace weir::store
