// The study: the thread for work that takes long and may wait: reading files, compiling policies, replay, destroying old
// policies. One job at a time, in order. Whoever runs on a loop asks with run() and is resumed there with the answer.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "io/loop.h"
#include "io/mailbox.h"
#include "io/task.h"

namespace weir::control {

class Study {
 public:
  static constexpr std::size_t kMaxJobs = 1024;

  Study();
  ~Study();   // finishes what was submitted
  Study(const Study&) = delete;
  Study& operator=(const Study&) = delete;

  // From any thread. False when kMaxJobs are waiting: the job is not taken.
  bool submit(std::move_only_function<void()> job);

  // Runs `job` over there and hands back what it returns. Not cut short: the job's result is waited for.
  template <class F>
  io::Task<std::invoke_result_t<F&>> run(io::Loop& loop, F job) {
    io::Mailbox<std::invoke_result_t<F&>> answer(loop, 1);
    if (!submit([&answer, &job] { answer.post(job()); })) {
      answer.post(job());   // overfull: better here and now than never
    }
    for (;;) {
      auto result = co_await answer.receive(io::kNever);
      if (result) co_return std::move(*result);
      co_await loop.yield();   // cancelled: the job still refers to this frame
    }
  }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace weir::control
