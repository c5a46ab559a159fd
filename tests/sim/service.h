// A simulated service with a capacity: so many requests are worked on at once, so many more may
// wait, and the rest is answered 503. Whoever left before his turn is worked for all the same.
// A request may say how it fares: X-Takes how long its work takes (us), X-Fails that it ends in a 500.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/gate.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/sim/chance.h"
#include "io/task.h"

namespace weir::simulated {

struct ServiceOptions {
  std::size_t workers = 4;
  std::size_t queue = 64;
  Nanos median{0};      // of a request's work: log-normal
  double sigma = 0;     // of its logarithm; 0: all take the median
  double slowdown = 1;  // of all of it; may change at any time, for what is begun then
  std::string needs;    // a header, lower case; who comes without it is answered 500. "": none
};

class Service {
 public:
  Service(io::Loop& loop, const std::string& address, const ServiceOptions& options,
          std::uint64_t seed);
  void stop();
  io::Scope& scope() { return scope_; }

  ServiceOptions options;

 private:
  io::Task<> accept();
  io::Task<> serve(io::Stream stream);
  io::Task<bool> work(std::optional<Nanos> takes);  // false: the queue was full
  Nanos draw();

  io::Loop& loop_;
  io::sim::Chance chance_;
  io::Listener listener_;
  std::size_t busy_ = 0;
  std::deque<io::Gate*> waiting_;  // in their order
  io::Scope scope_;
};

}  // namespace weir::simulated
