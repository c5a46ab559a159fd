#include "load/runner.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::load {
namespace {

constexpr Nanos kTick = std::chrono::milliseconds(100);
// A source that does not know its length (a log) ends a run that falls behind so far.
constexpr Nanos kBehindMost = std::chrono::seconds(60);
constexpr Nanos kPatienceAfterInterrupt = std::chrono::seconds(1);
// A closed loop against a port where nobody listens would do nothing but connect.
constexpr Nanos kAfterFailure = std::chrono::milliseconds(10);
constexpr std::size_t kMostHandedAtOnce = 64;  // then the loop is turned: answers are waiting too

Nanos cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto nanos = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

Ending ending_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::timeout:
      return Ending::timeout;
    case ErrorKind::cancelled:
      return Ending::unfinished;
    case ErrorKind::protocol:
      return Ending::protocol;
    default:
      return Ending::closed;
  }
}

}  // namespace

struct Runner::Slot {
  std::unique_ptr<wire::Http1Client> client;
  wire::PreparedRequest request;
  std::string_view body;
  std::uint32_t route = 0;
  bool is_safe = true, has_call = false;
  bool is_refused = false;  // its last connection could not be opened
  Stamp due, sent;
  Idle* idle = nullptr;  // in the frame of its coroutine, while it waits
};

Runner::Runner(io::Loop& loop, Source& source, RunnerOptions options)
    : loop_(loop), source_(source), options_(std::move(options)), scope_(loop) {
  outcome_.routes.resize(options_.routes);
}

Runner::~Runner() = default;

Outcome Runner::run() {
  WEIR_CHECK(slots_.empty());
  const Nanos cpu = cpu_time();
  outcome_.closed_loop = options_.closed_loop;
  for (std::size_t i = 0; i < options_.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    scope_.spawn([this, slot = slots_.back().get()] { return serve(*slot); });
  }
  while (free_.size() < slots_.size()) loop_.turn(Nanos(0));  // all are waiting for a call
  start_ = last_sent_ = loop_.refresh();
  tick_at_ = start_ + kTick;
  second_at_ = start_ + std::chrono::seconds(1);
  if (options_.planned > Nanos(0)) until_ = start_ + options_.planned + options_.timeout;
  do {
    issue();
    loop_.turn(time_to_wait());
    tick();
  } while (!is_over());
  if (scope_.running() > free_.size()) scope_.cancel();  // given up
  count_unsent();
  for (Slot* slot : std::exchange(free_, {})) slot->idle->wake();
  while (scope_.running() > 0) loop_.turn(kTick);
  if (second_.ended > 0) end_second();
  outcome_.generator.cpu = cpu_time() - cpu;
  outcome_.interrupted = is_cut_;
  outcome_.planned = options_.planned;
  outcome_.sending =
      is_cut_ ? last_sent_ - start_ : std::max(options_.planned, last_sent_ - start_);
  outcome_.took = loop_.refresh() - start_;
  return std::move(outcome_);
}

// --- one connection

io::Task<> Runner::serve(Slot& slot) {
  for (;;) {
    if (!slot.has_call) {
      Idle idle(loop_);
      slot.idle = &idle;
      free_.push_back(&slot);
      co_await idle;
      if (!slot.has_call) co_return;
    }
    slot.has_call = false;
    co_await exchange(slot);
    if (options_.closed_loop && slot.is_refused && !co_await loop_.sleep_for(kAfterFailure))
      co_return;
    take_due(slot);
  }
}

io::Task<bool> Runner::connect(Slot& slot) {
  slot.client.reset();
  const Stamp began = loop_.now();
  auto stream = co_await io::Stream::connect(loop_, options_.address, began + options_.timeout);
  slot.is_refused = !stream;
  if (!stream) {
    const ErrorKind kind = stream.error().kind;
    failed(slot,
           kind == ErrorKind::timeout     ? Ending::timeout
           : kind == ErrorKind::cancelled ? Ending::unfinished
                                          : Ending::connect,
           slot.due);
    co_return false;
  }
  ++outcome_.opened;
  slot.client = std::make_unique<wire::Http1Client>(std::move(*stream), scratch_);
  outcome_.most_open = std::max<std::uint64_t>(outcome_.most_open, loop_.connections());
  co_return true;
}

io::Task<> Runner::exchange(Slot& slot) {
  bool is_kept = slot.client != nullptr && slot.client->fresh();
  for (;;) {
    if (!is_kept && !co_await connect(slot)) co_return;
    wire::Http1Client& client = *slot.client;
    client.begin();
    slot.sent = last_sent_ = loop_.refresh();
    const io::Deadline deadline = slot.sent + options_.timeout;
    // What could not be written may have been answered all the same (RFC 9112 9.5): the answer
    // tells.
    static_cast<void>(co_await client.send(&slot.request, slot.body, true, deadline));
    auto head = co_await client.read_head(deadline);
    while (head && (*head)->status < 200) head = co_await client.read_head(deadline);
    if (!head) {
      const bool ended =
          head.error().kind == ErrorKind::closed || head.error().kind == ErrorKind::reset;
      const bool again = is_kept && slot.is_safe && ended && !client.answered();
      slot.client.reset();
      if (!again) co_return failed(slot, ending_of(head.error()), slot.due);
      ++outcome_.reopened;
      is_kept = false;
      continue;
    }
    const std::uint16_t status = (*head)->status;
    std::uint64_t bytes = 0;
    for (wire::Piece piece; !piece.end;) {
      if (!client.try_read(piece)) {
        auto more = co_await client.read(deadline);
        if (!more) {
          slot.client.reset();
          co_return failed(slot, ending_of(more.error()), slot.due);
        }
        piece = *more;
      }
      bytes += piece.bytes.size();
    }
    answered(slot, status, bytes);
    if (!client.reusable()) slot.client.reset();
    co_return;
  }
}

void Runner::answered(Slot& slot, std::uint16_t status, std::uint64_t bytes) {
  const Stamp now = loop_.refresh();
  const Nanos latency = now - slot.due;
  outcome_.routes[slot.route].answered(status, latency, now - slot.sent, bytes);
  second_times_.add(latency);
  ++second_.ended;
  if (status >= 400) ++second_.errors;
}

void Runner::failed(Slot& slot, Ending ending, Stamp since) {
  const Stamp now = loop_.refresh();
  outcome_.routes[slot.route].failed(ending, now - since);
  if (ending == Ending::timeout) second_times_.add(now - since);
  ++second_.ended;
  ++second_.errors;
}

// --- when calls are due

bool Runner::look_ahead() {
  if (!has_next_ && !exhausted_) {
    has_next_ = source_.next(next_);
    exhausted_ = !has_next_;
    if (exhausted_) until_ = std::min(until_, loop_.now() + options_.timeout);
  }
  return has_next_;
}

void Runner::hand_over(Slot& slot, Stamp due) {
  slot.due = due;
  slot.route = next_.route;
  slot.is_safe = next_.safe;
  slot.request.head = next_.head;
  slot.request.bytes.swap(next_.request);
  slot.body = next_.body;
  slot.has_call = true;
  has_next_ = false;
}

// When the next call is to be sent; none: not now, or never.
std::optional<Stamp> Runner::due_by(Stamp now) {
  if (options_.closed_loop) {
    if (now >= start_ + options_.planned) exhausted_ = true;
    return look_ahead() ? std::optional(now) : std::nullopt;
  }
  if (!look_ahead() || start_ + next_.due > now) return std::nullopt;
  return start_ + next_.due;
}

// A connection has just become free.
void Runner::take_due(Slot& slot) {
  const Stamp now = loop_.refresh();
  const auto due = due_by(now);
  if (!due) return;
  // Where others were free already, it was not for want of one that the call was not sent.
  if (free_.empty()) {
    if (!options_.closed_loop) ++outcome_.generator.held;
  } else {
    outcome_.generator.late.add(now - *due);
  }
  hand_over(slot, *due);
}

// Gives what is due to connections that have nothing to do.
void Runner::issue() {
  for (std::size_t i = 0; i < kMostHandedAtOnce && !free_.empty(); ++i) {
    const Stamp now = loop_.refresh();
    const auto due = due_by(now);
    if (!due) return;
    Slot& slot = *free_.back();
    free_.pop_back();
    outcome_.generator.late.add(now - *due);
    hand_over(slot, *due);
    slot.idle->wake();
  }
}

Nanos Runner::time_to_wait() const {
  const Stamp now = loop_.now();
  Stamp wake = std::min({tick_at_, second_at_, until_});
  if (!free_.empty() && !has_next_ && !exhausted_) return Nanos(0);  // more is to be handed over
  if (!free_.empty() && has_next_) wake = std::min(wake, start_ + next_.due);
  return std::max(Nanos(0), wake - now);
}

void Runner::tick() {
  const Stamp now = loop_.now();
  if (now >= tick_at_) {
    tick_at_ = now + kTick;
    const bool is_hopeless = options_.planned == Nanos(0) && behind() > kBehindMost;
    if (!is_cut_ && (is_hopeless || (options_.interrupted && options_.interrupted()))) cut();
  }
  if (now >= second_at_) {
    second_at_ += std::chrono::seconds(1);
    end_second();
  }
}

// Of the call that was due longest and is not sent.
Nanos Runner::behind() const {
  if (!has_next_ || options_.closed_loop) return Nanos(0);
  return std::max(Nanos(0), loop_.now() - (start_ + next_.due));
}

void Runner::cut() {
  is_cut_ = true;
  last_sent_ = loop_.now();
  until_ = std::min(until_, last_sent_ + kPatienceAfterInterrupt);
  count_unsent();
}

void Runner::end_second() {
  second_.p50 = second_times_.quantile(0.5);
  second_.p99 = second_times_.quantile(0.99);
  second_.longest = second_times_.longest;
  second_.in_flight =
      static_cast<std::uint32_t>(scope_.running() - std::min(scope_.running(), free_.size()));
  second_.behind = behind();
  outcome_.seconds.push_back(second_);
  if (options_.each_second) options_.each_second(second_, loop_.now() - start_);
  second_ = {};
  second_times_ = {};
}

// No more is sent: what is due by now is counted, with the time it has waited.
void Runner::count_unsent() {
  const Stamp now = loop_.refresh();
  while (!options_.closed_loop && look_ahead() && start_ + next_.due <= now) {
    outcome_.routes[next_.route].failed(Ending::unsent, now - (start_ + next_.due));
    has_next_ = false;
  }
  has_next_ = false;
  exhausted_ = true;
}

bool Runner::is_over() const {
  if (loop_.now() >= until_) return true;
  if (scope_.running() > free_.size()) return false;  // something is under way, or not begun
  return options_.closed_loop || (exhausted_ && !has_next_);
}

}  // namespace weir::load
