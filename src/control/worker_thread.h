// A worker's thread: loop and Worker live and die on it, with a table of descriptors of its own (io/descriptor.h). Everybody else
// reaches the Worker by post().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "export/worker_records.h"
#include "io/descriptor.h"
#include "io/epoll_kernel.h"
#include "io/loop.h"
#include "proxy/worker.h"

namespace weir::control {

class WorkerThread {
 public:
  // What each takes of the process's table, for its loop and its passage; and what its own has of the process's: the standard ones,
  // its loop's and control's, the end of its passage.
  static constexpr std::size_t kDescriptors = 4, kKept = 3 + 2 + 2 + 1;

  struct Options {
    WorkerId id;
    Nanos spin{0};
    int core = -1;   // >= 0: pinned there
    std::atomic<std::size_t>* all_connections = nullptr;   // as LoopOptions
    std::array<int, 2> control;   // descriptors of the kernel whose loop the worker raises
  };
  WorkerThread(Options options, const proxy::Shared& shared, exporting::WorkerRecords& records, proxy::Epochs::Retire retire);
  ~WorkerThread();   // ends whatever is still under way
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Runs on the worker's thread, in order.
  void post(std::move_only_function<void(proxy::Worker&)> work);
  // Descriptors go to the worker before the work that takes them does: pass(some), then post(a work that calls passed()).
  void pass(std::span<const int> descriptors) { passage_.pass(descriptors); }
  std::vector<io::Descriptor> passed(std::size_t count) { return passage_.receive(count); }   // the worker; fewer where it has no room
  // The thread by whose number its table of descriptors is found; 0: it has that of the process.
  int table() const { return table_; }
  exporting::WorkerRecords& records() { return records_; }
  const proxy::LoadGauges& load() const { return worker_->load().gauges(); }   // from any thread
  std::uint64_t first_sequence() const { return first_sequence_; }   // of its exchanges

 private:
  void run(Options options, const proxy::Shared& shared, proxy::Epochs::Retire retire);

  exporting::WorkerRecords& records_;
  std::promise<void> ready_;
  io::EpollKernel kernel_;   // this and the next end after the thread, for who wakes or passes
  io::DescriptorPassage passage_;
  int table_ = 0;   // this and the next three are set before ready
  std::uint64_t first_sequence_ = 0;
  io::Loop* loop_ = nullptr;
  proxy::Worker* worker_ = nullptr;
  std::thread thread_;
};

}  // namespace weir::control
