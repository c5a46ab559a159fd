// A worker's thread: kernel, loop and Worker live and die on it. Everybody else reaches the Worker by post().
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "export/worker_records.h"
#include "io/loop.h"
#include "proxy/worker.h"

namespace weir::control {

class WorkerThread {
 public:
  struct Options {
    WorkerId id;
    Nanos spin{0};
    int core = -1;   // >= 0: pinned there
    std::atomic<std::size_t>* all_connections = nullptr;   // as LoopOptions
  };
  WorkerThread(Options options, const proxy::Shared& shared, exporting::WorkerRecords& records, proxy::Epochs::Retire retire);
  ~WorkerThread();   // ends whatever is still under way
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Runs on the worker's thread, in order.
  void post(std::move_only_function<void(proxy::Worker&)> work);
  exporting::WorkerRecords& records() { return records_; }
  const proxy::LoadGauges& load() const { return worker_->load().gauges(); }   // from any thread
  std::uint64_t first_sequence() const { return first_sequence_; }   // of its exchanges

 private:
  void run(Options options, const proxy::Shared& shared, proxy::Epochs::Retire retire);

  exporting::WorkerRecords& records_;
  std::promise<void> ready_;
  std::uint64_t first_sequence_ = 0;   // this and the next two are set before ready
  io::Loop* loop_ = nullptr;
  proxy::Worker* worker_ = nullptr;
  std::thread thread_;
};

}  // namespace weir::control
