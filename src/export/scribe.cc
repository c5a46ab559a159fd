#include "export/scribe.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "export/log_file.h"
#include "export/segment_files.h"
#include "model/request_id.h"

namespace weir::exporting {
namespace {

constexpr Nanos kFlushTime = std::chrono::seconds(1);   // what is pending reaches the segment file after so long

}  // namespace

class Scribe::State {
 public:
  State(ScribeOptions options, const NameTable& names, std::vector<Lane*> log_lanes, std::vector<Lane*> record_lanes)
      : options_(std::move(options)), names_(names), log_lanes_(std::move(log_lanes)),
        record_lanes_(std::move(record_lanes)) {}

  ~State() {
    if (thread_.joinable()) {
      {
        const std::scoped_lock lock(mutex_);
        asked_.stop = true;
      }
      wake();
      thread_.join();
    }
    if (wake_fd_ >= 0) ::close(wake_fd_);
  }

  Result<> start() {
    if (!options_.access_log.empty()) {
      auto log = LogFile::open(options_.access_log);
      if (!log) return std::unexpected(std::move(log.error()));
      log_ = std::move(*log);
    }
    for (Lane* lane : log_lanes_) lane->set_wanted(log_.is_open());
    if (!options_.segments.empty()) {
      segments_.emplace(
          SegmentFilesOptions{.folder = options_.segments,
                              .bytes = options_.segment_bytes,
                              .min_free_percent = options_.min_free_percent,
                              .start_id = options_.start_id,
                              .start = {.installation = InstallationId::of(options_.key),
                                        .wall = options_.start_wall,
                                        .stamp = options_.start_stamp}},
          names_);
      if (auto opened = segments_->open_folder(); !opened) return opened;
    }
    for (Lane* lane : record_lanes_) lane->set_wanted(segments_.has_value());
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) {
      return fail(ErrorKind::io, "no descriptor for the scribe: " + std::generic_category().message(errno), Origin::system);
    }
    // Signals are for other threads; a pipe without a reader is an error of write here.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "weir-scribe");
    return {};
  }

  // What others ask for, taken over by the thread at its next turn.
  struct Asked {
    bool stop = false, reopen = false;
    std::optional<std::string> access_log;
    std::optional<SegmentFiles::Bounds> bounds;
    std::vector<std::pair<record::RecordedPolicy, std::shared_ptr<const record::RecordedConfiguration>>> policies;
    std::vector<record::RecordedConditions> conditions;
  };
  template <class F>
  void ask(F change) {
    {
      const std::scoped_lock lock(mutex_);
      change(asked_);
    }
    wake();
  }

  void flush() {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = ++flush_asked_;
    wake();
    flushed_.wait(lock, [&] { return flush_done_ >= ticket; });
  }

  ScribeStatus status() {
    const std::scoped_lock lock(mutex_);
    return published_;
  }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);   // full: it is awake anyway
  }

  void run() {
    Nanos since_flush{0};   // waited; turns that were woken up to come on top, and are short
    bool idle = false;      // nothing came in the last turn
    for (bool stop = false; !stop;) {
      const Nanos tick = idle ? options_.idle_tick : options_.tick;
      Nanos waited{0};
      pollfd wake{.fd = wake_fd_, .events = POLLIN, .revents = 0};
      if (::poll(&wake, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(tick).count())) > 0) {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t read = ::read(wake_fd_, &count, sizeof count);
      } else {
        waited = tick;
        since_flush += waited;
      }
      Asked asked;
      std::uint64_t flush_asked = 0;
      {
        const std::scoped_lock lock(mutex_);
        std::swap(asked, asked_);
        flush_asked = flush_asked_;
      }
      stop = asked.stop;
      obey(asked);
      idle = !drain();
      if (options_.sink != nullptr) options_.sink->turn(waited, stop || flush_asked > flush_done_, stop);
      if (segments_ && (since_flush >= kFlushTime || flush_asked > flush_done_)) {
        segments_->tick(since_flush);
        publish_epoch();
        since_flush = Nanos(0);
      }
      publish(flush_asked);
    }
    if (segments_) segments_->close();
  }

  void obey(Asked& asked) {
    if (asked.access_log && *asked.access_log != options_.access_log) {
      options_.access_log = *asked.access_log;
      open_log();
    } else if (asked.reopen) {
      open_log();
    }
    if (!segments_) return;
    if (asked.bounds) segments_->bounds(*asked.bounds);
    for (auto& [policy, configuration] : asked.policies) segments_->policy(std::move(policy), std::move(configuration));
    for (record::RecordedConditions& conditions : asked.conditions) segments_->conditions(std::move(conditions));
  }

  void open_log() {
    drain_log();   // what was written before belongs to the old file
    if (options_.access_log.empty()) {
      log_ = LogFile();
    } else if (auto log = LogFile::open(options_.access_log); log) {
      log_ = std::move(*log);
    } else {
      note_error(log.error());   // the old file stays
    }
    for (Lane* lane : log_lanes_) lane->set_wanted(log_.is_open());
  }

  void note_error(const Error& error) {
    ++status_.log_errors;
    log_error_ = to_string(error);
  }

  // False when nothing had come.
  bool drain() {
    bool came = drain_log();
    for (Lane* lane : record_lanes_) {
      // At most what the lane holds: a producer that never stops cannot keep the thread here.
      for (std::size_t left = lane->buffers(); left > 0; --left) {
        Buffer* const buffer = lane->next();
        if (buffer == nullptr) break;
        if (options_.sink != nullptr) options_.sink->batch(std::span(buffer->bytes).first(buffer->used), buffer->epoch);
        if (!segments_ || !segments_->add(*buffer)) ++status_.record_buffers_dropped;
        lane->give_back(buffer);
        came = true;
      }
    }
    return came;
  }

  bool drain_log() {
    bool came = false;
    bool stuck = false;   // one wait for a reader that does not read is enough for one turn
    for (Lane* lane : log_lanes_) {
      for (std::size_t left = lane->buffers(); left > 0;) {
        std::array<Buffer*, LogFile::kPiecesMax> buffers;
        std::size_t count = 0;
        while (count < std::min(left, buffers.size()) && (buffers[count] = lane->next()) != nullptr) ++count;
        if (count == 0) break;
        left -= count;
        if (log_.is_open()) write_log(std::span(buffers).first(count), stuck);
        for (Buffer* buffer : std::span(buffers).first(count)) lane->give_back(buffer);
        came = true;
      }
    }
    return came;
  }

  // A buffer that could not be written whole is dropped, and those behind it are tried.
  void write_log(std::span<Buffer* const> buffers, bool& stuck) {
    std::array<iovec, LogFile::kPiecesMax> pieces;
    std::ranges::transform(buffers, pieces.begin(), [](Buffer* buffer) { return iovec{.iov_base = buffer->bytes.data(), .iov_len = buffer->used}; });
    for (std::span<iovec> left(pieces.data(), buffers.size()); !left.empty();) {
      const auto tried = buffers.last(left.size());
      const Result<> written = stuck ? Result<>() : log_.write(left);
      for (const Buffer* buffer : tried.first(tried.size() - left.size())) status_.log_bytes += buffer->used;
      if (left.empty()) {
        log_error_.clear();
      } else {
        ++status_.log_buffers_dropped;
        left = left.subspan(1);
      }
      if (!written) {
        stuck = written.error().kind == ErrorKind::timeout;
        note_error(written.error());
      }
    }
  }

  void publish_epoch() {
    for (Lane* lane : record_lanes_) lane->set_epoch(std::max(segments_->epoch(), 1u));   // 1 is the first file's
  }

  void publish(std::uint64_t flush_done) {
    if (segments_) {
      status_.segment_bytes = segments_->bytes_written();
      status_.segments = segments_->files();
      status_.arrivals = segments_->arrivals();
      status_.segment_errors = segments_->errors();
      status_.disk_low = segments_->disk_low();
    }
    const std::scoped_lock lock(mutex_);
    published_ = status_;
    published_.last_error = !log_error_.empty() ? log_error_ : segments_ ? segments_->last_error() : std::string();
    if (flush_done > flush_done_) {
      flush_done_ = flush_done;
      flushed_.notify_all();
    }
  }

  ScribeOptions options_;
  const NameTable& names_;
  const std::vector<Lane*> log_lanes_, record_lanes_;
  int wake_fd_ = -1;
  std::thread thread_;

  // The thread's own.
  LogFile log_;
  std::optional<SegmentFiles> segments_;
  ScribeStatus status_;
  std::string log_error_;

  std::mutex mutex_;   // guards what follows; never held while a file is touched
  Asked asked_;
  ScribeStatus published_;
  std::condition_variable flushed_;
  std::uint64_t flush_asked_ = 0, flush_done_ = 0;   // flush_done_ is written by the thread only
};

Scribe::Scribe(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scribe::~Scribe() = default;

Result<std::unique_ptr<Scribe>> Scribe::start(ScribeOptions options, const NameTable& names,
                                              std::vector<Lane*> log_lanes, std::vector<Lane*> record_lanes) {
  auto state = std::make_unique<State>(std::move(options), names, std::move(log_lanes), std::move(record_lanes));
  if (auto started = state->start(); !started) return std::unexpected(std::move(started.error()));
  return std::unique_ptr<Scribe>(new Scribe(std::move(state)));
}

void Scribe::policy(const Policy& policy, const record::Literals& kept,
                    std::shared_ptr<const record::RecordedConfiguration> configuration) {
  record::RecordedPolicy recorded{.revision = policy.revision, .hash = policy.hash, .literals = kept.segments()};
  state_->ask([&](State::Asked& asked) {
    asked.bounds = {.bytes = policy.record.max_bytes.count, .age = policy.record.keep};
    asked.policies.emplace_back(std::move(recorded), std::move(configuration));
  });
}

void Scribe::conditions(const Conditions& conditions, const Policy& policy) {
  record::RecordedConditions recorded{.number = conditions.number, .unusable = {}, .peaks = conditions.peaks};
  for (std::size_t i = 0; i < std::min(conditions.endpoints.size(), policy.endpoints.size()); ++i) {
    if (!conditions.endpoints[i].usable) recorded.unusable.push_back(policy.endpoints[i].identity);
  }
  state_->ask([&](State::Asked& asked) { asked.conditions.push_back(std::move(recorded)); });
}

void Scribe::set_access_log(std::string path) {
  state_->ask([&](State::Asked& asked) { asked.access_log = std::move(path); });
}

void Scribe::reopen() {
  state_->ask([](State::Asked& asked) { asked.reopen = true; });
}

void Scribe::flush() { state_->flush(); }
ScribeStatus Scribe::status() const { return state_->status(); }

}  // namespace weir::exporting
