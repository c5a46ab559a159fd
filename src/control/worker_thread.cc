#include "control/worker_thread.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "fmt/core.h"

namespace weir::control {

WorkerThread::WorkerThread(Options options, const proxy::Shared& shared, exporting::WorkerRecords& records,
                           proxy::Epochs::Retire retire)
    : records_(records) {
  auto ready = ready_.get_future();
  thread_ = std::thread([this, options, shared, retire = std::move(retire)]() mutable { run(options, shared, std::move(retire)); });
  ready.wait();
}

WorkerThread::~WorkerThread() {
  loop_->stop();
  thread_.join();
}

void WorkerThread::post(std::move_only_function<void(proxy::Worker&)> work) {
  // The queue is far larger than what control ever has outstanding.
  WEIR_CHECK(loop_->post([this, work = std::move(work)]() mutable { work(*worker_); }));
}

void WorkerThread::run(Options options, const proxy::Shared& shared, proxy::Epochs::Retire retire) {
  ::pthread_setname_np(::pthread_self(), fmt::format("worker-{}", options.id.value).c_str());
  if (options.core >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(options.core), &set);
    ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);   // a wish: where it fails, the system decides
  }
  const std::array<int, 2> own = kernel_.descriptors();
  table_ = io::own_descriptors(std::array{own[0], own[1], passage_.exit(), options.control[0], options.control[1]}) ? ::gettid() : 0;
  io::Loop loop(kernel_, {.spin = options.spin, .all_connections = options.all_connections});
  proxy::Worker worker(loop, options.id, shared, records_, std::move(retire));
  loop_ = &loop;
  worker_ = &worker;
  first_sequence_ = worker.next_sequence();
  ready_.set_value();
  loop.run();
  worker.cut();
  while (worker.scope().running() > 0) loop.turn(std::chrono::milliseconds(10));
  records_.tick(loop.now());   // the last exchanges, for the scribe
}

}  // namespace weir::control
