#include "drill/station.h"

namespace weir::drill {

void Station::resize(std::size_t workers, std::size_t queue) {
  workers_ = workers;
  room_ = queue;
}

Stamp Station::next() const { return running_.empty() ? Stamp::max() : running_.top().until; }

void Station::begin(Stamp at, const Service& service) {
  while (running_.size() < workers_ && !queue_.empty()) {
    const Job job = queue_.front();
    queue_.pop_front();
    running_.push({at + service(job), job});
  }
}

void Station::advance(Stamp now, const Service& service, std::vector<Job>& finished) {
  while (!running_.empty() && running_.top().until <= now) {
    const Running done = running_.top();
    running_.pop();
    finished.push_back(done.job);
    begin(done.until, service);
  }
  begin(now, service);  // workers that came by resize()
}

bool Station::arrive(Stamp now, Job job, const Service& service) {
  if (running_.size() >= workers_ && queue_.size() >= room_) return false;
  queue_.push_back(job);
  begin(now, service);
  return true;
}

}  // namespace weir::drill
