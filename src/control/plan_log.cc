#include "control/plan_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "foreign/inflate.h"
#include "foreign/times.h"

namespace weir::control {
namespace {

constexpr std::size_t kPiece = replay::LogStream::kPiece;
static_assert(kPiece >= foreign::kRecogniseBytes);

}  // namespace

// One log: descriptor -> unpacker -> stream.
class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(const std::string& path) {
    auto file = std::make_unique<LogFile>();
    file->name_ = path == "-" ? "standard input" : path;
    file->descriptor_ =
        path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file->descriptor_ < 0) return file->wrong(errno);
    struct stat about{};
    if (::fstat(file->descriptor_, &about) == 0) {
      if (S_ISDIR(about.st_mode)) return file->wrong(EISDIR);
      if (S_ISREG(about.st_mode)) file->size_ = static_cast<std::uint64_t>(about.st_size);
    }
    return file;
  }
  LogFile() : raw_(kPiece) {}
  LogFile(const LogFile&) = delete;
  ~LogFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  // Reads the first piece and finds out what it is.
  Result<> begin(const PlanLogs::Options& options) {
    zone_ = options.reading.zone;
    if (const auto read = fill_raw(); !read) return std::unexpected(read.error());
    const foreign::Packing packing = foreign::packing_of(raw());
    plain_ = packing == foreign::Packing::plain;
    inflate_.emplace(packing);
    std::vector<std::byte> text(kPiece);
    std::size_t size = 0;
    while (size < text.size()) {
      const std::size_t more = unpack(std::span(text).subspan(size));
      if (more == 0) break;
      size += more;
    }
    text.resize(size);
    if (auto recognised = recognise(options, text); !recognised) return recognised;
    std::ranges::copy(text, stream_->room().begin());
    stream_->feed(size);
    return {};
  }

  bool pop(replay::LogItem& item) {
    while (!stream_->pop(item)) {
      if (ended_) return false;
      const std::span<std::byte> room = stream_->room();
      if (const std::size_t size = unpack(room); size > 0) {
        stream_->feed(size);
      } else {
        ended_ = true;
        if (const auto end = inflate_->finish(); !end) damage_ = to_string(end.error());
        stream_->finish();
      }
    }
    return true;
  }

  replay::LogStream& stream() { return *stream_; }
  std::string_view head() const { return head_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t taken() const { return taken_; }
  std::string note() const {
    std::string note = config::printable(note_.empty() ? stream_->format().name : note_);
    using foreign::LogOrder;
    if (stream_->order() == LogOrder::reversed || stream_->order() == LogOrder::shuffled) {
      note += fmt::format(", {}", foreign::to_string(stream_->order()));
    }
    if (stream_->zoneless())
      note += fmt::format(", times have no zone: read as {}", foreign::zone_text(zone_));
    if (!damage_.empty()) note += fmt::format(", DAMAGED: {}", config::printable(damage_));
    return fmt::format("{} ({})", note, config::printable(name_));
  }

 private:
  Result<> recognise(const PlanLogs::Options& options, std::span<const std::byte> text) {
    const std::string_view head(reinterpret_cast<const char*>(text.data()), text.size());
    head_ = head.substr(0, PlanLogs::kHead);
    if (options.format == "auto") {
      if (head.empty() && !inflate_->damage()) {  // an empty file is a log without lines
        stream_.emplace(*foreign::format_named("nginx", {}));
        note_ = "empty";
        return {};
      }
      auto found = foreign::recognise(head, options.reading);
      if (!found) return wrap(found.error(), config::printable(name_));
      note_ = found->reason();
      stream_.emplace(std::move(found->format));
      return {};
    }
    auto format = foreign::format_named(options.format, options.reading);
    if (!format) return std::unexpected(format.error());
    stream_.emplace(std::move(*format));
    return {};
  }

  std::unexpected<Error> wrong(int number) const {
    return fail(number == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                fmt::format("could not read {}: {}", config::printable(name_),
                            std::generic_category().message(number)),
                Origin::system);
  }
  std::span<const std::byte> raw() const {
    return std::span(raw_).subspan(raw_at_, raw_size_ - raw_at_);
  }

  // How much came; 0: it has ended.
  Result<std::size_t> read(std::span<std::byte> room) {
    std::size_t size = 0;
    while (size < room.size()) {
      const ssize_t got = ::read(descriptor_, room.data() + size, room.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && size == 0) return wrong(errno);   // else what came is used first, and the next one says it
      if (got < 0) break;
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    taken_ += size;
    return size;
  }

  Result<> fill_raw() {
    raw_at_ = raw_size_ = 0;
    const auto size = read(raw_);
    if (!size) return std::unexpected(size.error());
    raw_size_ = *size;
    return {};
  }

  // How much text came into `room`; 0: no more will come.
  std::size_t unpack(std::span<std::byte> room) {
    for (;;) {
      if (raw().empty() && plain_) {   // nothing to unpack: straight to where it is read
        const auto size = read(room);
        if (!size) damage_ = to_string(size.error());
        return size.value_or(0);
      }
      if (raw().empty()) {
        const auto filled = fill_raw();
        if (!filled) damage_ = to_string(filled.error());
        if (!filled || raw_size_ == 0) return 0;
      }
      const auto step = inflate_->step(raw(), room);
      raw_at_ += step.taken;
      if (step.given > 0) return step.given;
      if (step.taken == 0) return 0;  // damaged
    }
  }

  std::string name_, note_, damage_, head_;
  Nanos zone_{0};
  int descriptor_ = -1;
  std::uint64_t size_ = 0, taken_ = 0;
  std::vector<std::byte> raw_;
  std::size_t raw_at_ = 0, raw_size_ = 0;
  std::optional<foreign::Inflate> inflate_;
  std::optional<replay::LogStream> stream_;
  bool plain_ = false, ended_ = false;
};

PlanLogs::PlanLogs() = default;
PlanLogs::PlanLogs(PlanLogs&&) noexcept = default;
PlanLogs::~PlanLogs() = default;

Result<PlanLogs> PlanLogs::open(Options options) {
  PlanLogs logs;
  if (options.paths.size() > kMostLogs) {
    return fail(ErrorKind::too_large,
                fmt::format("{} logs are too many, {} at most: join some of them",
                            options.paths.size(), kMostLogs),
                Origin::config);
  }
  for (const std::string& path : options.paths) {
    auto file = LogFile::open(path);
    if (!file) return std::unexpected(file.error());
    if (auto begun = (*file)->begin(options); !begun) return std::unexpected(begun.error());
    logs.total_bytes_ += (*file)->size();
    logs.files_.push_back(std::move(*file));
  }
  logs.options_ = std::move(options);
  for (std::size_t i = 0; i < logs.files_.size(); ++i) {
    if (replay::LogItem item{.from = i}; logs.files_[i]->pop(item)) logs.heads_.push_back(item);
  }
  std::ranges::make_heap(logs.heads_, later);
  return logs;
}

bool PlanLogs::later(const replay::LogItem& a, const replay::LogItem& b) {
  return a.time != b.time ? a.time > b.time : a.from > b.from;
}

bool PlanLogs::next(replay::LogItem& item) {
  if (heads_.empty()) return false;
  if (heads_.size() > 1) std::ranges::pop_heap(heads_, later);
  item = heads_.back();
  LogFile& file = *files_[item.from];
  const std::uint64_t before = file.taken();
  if (!file.pop(heads_.back())) {
    heads_.pop_back();
  } else if (heads_.size() > 1) {
    std::ranges::push_heap(heads_, later);
  }
  const std::uint64_t more = file.taken() - before;
  if (more > 0 && options_.progress) options_.progress(taken_ += more, total_bytes_);
  return true;
}

void PlanLogs::give_back(const replay::LogItem& item) {
  files_[item.from]->stream().give_back(item.held);
}

std::vector<std::string_view> PlanLogs::heads() const {
  std::vector<std::string_view> all;
  for (const auto& file : files_) all.push_back(file->head());
  return all;
}

foreign::ReadReport PlanLogs::report() const {
  foreign::ReadReport sum;
  for (const auto& file : files_) {
    const foreign::ReadReport& one = file->stream().report();
    sum.lines += one.lines;
    sum.bytes += one.bytes;
    sum.entries += one.entries;
    sum.odd_requests += one.odd_requests;
    for (std::size_t i = 0; i < sum.skipped.size(); ++i)
      sum.skipped[i].lines += one.skipped[i].lines;
    sum.coarsest = std::max(sum.coarsest, one.coarsest);
    sum.with_host += one.with_host;
    sum.with_status += one.with_status;
    sum.with_duration += one.with_duration;
    sum.with_upstream_duration += one.with_upstream_duration;
  }
  return sum;
}

std::uint64_t PlanLogs::late() const {
  std::uint64_t sum = 0;
  for (const auto& file : files_) sum += file->stream().late();
  return sum;
}

std::vector<std::string> PlanLogs::notes() const {
  std::vector<std::string> notes;
  for (const auto& file : files_) notes.push_back(file->note());
  return notes;
}

}  // namespace weir::control
