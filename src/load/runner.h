// Sends calls when they are due and counts what comes of them. One thread, one loop, at most
// `connections` at once.
//
// Open loop: the calls of the source, each at its time. A call that is due while all connections
// are busy waits for the first that becomes free, in the source's keeping, so that any backlog
// costs no memory; its latency counts from when it was due. Calls due before the end are sent after
// it, as long as `timeout` says. Closed loop: each connection sends its next call when it has the
// answer to the one before, as long as `planned` says.
//
// The loop is turned here, not run: the time to the next call is given to the kernel to the
// nanosecond, for the loop's own timers are half a millisecond coarse. A connection is a coroutine
// that lives as long as the run. Connections are opened when there is a call for them; the one used
// last is taken first.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/address.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/task.h"
#include "io/wait.h"
#include "load/call.h"
#include "load/outcome.h"
#include "wire/http1_client.h"

namespace weir::load {

struct RunnerOptions {
  static constexpr std::size_t kMostConnections = 20'000;
  SocketAddress address;
  std::size_t routes = 1;  // that the source's calls count for
  std::size_t connections = 256;
  Nanos timeout{std::chrono::seconds(10)};  // from when a call was sent
  bool closed_loop = false;
  Nanos planned{
      0};  // closed loop: when to end. Open: of the schedule; zero where the source alone knows
  // Asked ten times a second: true ends the run, with what there is until then.
  std::function<bool()> interrupted;
  // Told of each second when it is over.
  std::function<void(const Second&, Nanos since_start)> each_second;
};

class Runner {
 public:
  Runner(io::Loop& loop, Source& source, RunnerOptions options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  Outcome run();  // once

 private:
  struct Slot;
  // A connection without a call.
  class Idle final : public io::Wait {
   public:
    explicit Idle(io::Loop& loop) : loop_(loop) {}
    bool await_ready() const noexcept { return loop_.cancelled(); }
    void await_suspend(std::coroutine_handle<> handle) noexcept { loop_.suspend(*this, handle); }
    void await_resume() const noexcept {}
    void wake() { loop_.resume(*this); }  // between two turns of the loop

   private:
    void finish(int) override { loop_.make_ready(*this); }
    io::Loop& loop_;
  };

  io::Task<> serve(Slot& slot);
  io::Task<> exchange(Slot& slot);
  io::Task<bool> connect(Slot& slot);
  void answered(Slot& slot, std::uint16_t status, std::uint64_t bytes);
  void failed(Slot& slot, Ending ending, Stamp since);

  bool look_ahead();
  std::optional<Stamp> due_by(Stamp now);
  void take_due(Slot& slot);
  void hand_over(Slot& slot, Stamp due);
  void issue();
  Nanos time_to_wait() const;
  void tick();
  Nanos behind() const;
  void cut();
  void end_second();
  void count_unsent();
  bool is_over() const;

  io::Loop& loop_;
  Source& source_;
  RunnerOptions options_;
  wire::Scratch scratch_;
  io::Scope scope_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  Call next_;
  bool has_next_ = false, exhausted_ = false, is_cut_ = false;
  Stamp start_, last_sent_, tick_at_, second_at_;
  Stamp until_ = io::kNever;  // then what is under way is given up
  Outcome outcome_;
  Times second_times_;
  Second second_;
};

}  // namespace weir::load
