// Where jobs are worked on: so many workers, and a queue before them, first come first served. A
// job that was taken is worked on to its end, whoever still waits for it; so load that nobody waits
// for any more keeps others waiting, as in a service that does not notice that its caller has gone.
//
// Pure: a worker is a stamp until which it is busy. A job that had to wait begins at the instant
// its worker became free, not when somebody looked, so late timers cost no capacity. Bounds:
// workers and queue as set; a queue made shorter keeps who is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "base/time.h"

namespace weir::drill {

class Station {
 public:
  using Job = std::uint64_t;
  // How long a job takes; asked when it begins.
  using Service = std::function<Nanos(Job)>;

  Station(std::size_t workers, std::size_t queue) : workers_(workers), room_(queue) {}
  void resize(std::size_t workers, std::size_t queue);

  // What has finished until `now`, in order; those who waited for that begin.
  void advance(Stamp now, const Service& service, std::vector<Job>& finished);
  // A job comes; advance() up to `now` comes before. False: the queue is full.
  bool arrive(Stamp now, Job job, const Service& service);
  Stamp next() const;  // when the next job finishes; Stamp::max(): none is worked on

  std::size_t busy() const { return running_.size(); }
  std::size_t waiting() const { return queue_.size(); }

 private:
  struct Running {
    Stamp until;
    Job job;
    bool operator>(const Running& other) const {
      return until != other.until ? until > other.until : job > other.job;
    }
  };
  void begin(Stamp at, const Service& service);

  std::size_t workers_, room_;
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running_;
  std::deque<Job> queue_;
};

}  // namespace weir::drill
