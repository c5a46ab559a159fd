#include "proxy/load_watch.h"

#include <algorithm>

namespace weir::proxy {

using decide::ShedLevel;

void LoadWatch::use(const OverloadRules& rules) {
  enabled_ = rules.enabled;
  from_ = rules.from;
  target_ = rules.queue_delay;
  long_ = enabled_ ? target_ : Nanos::max();
  if (enabled_) return;
  queue_ = {};
  accept_ = {};
  put_together();
}

void LoadWatch::tick(double accept_share) {
  if (enabled_) {
    if (!raised_) {
      raise();
    } else if (const Nanos so_far = loop_.now() - raised_at_; so_far > target_) {
      waited(so_far);   // a shorter one says nothing yet
    }
    // As with waits, the shortest of an interval: two ticks.
    accept_.on_share(std::min(accept_share, accept_before_), from_, ShedLevel::normal);
    accept_before_ = accept_share;
    put_together();
  }
  gauges_.accept_share.store(accept_share, std::memory_order_relaxed);
}

void LoadWatch::use(const ProcessLoad& process) {
  process_ = process;
  put_together();
}

void LoadWatch::use(std::shared_ptr<const decide::KnownCallers> known) {
  known_ = std::move(known);
  own_.known = known_.get();
}

void LoadWatch::raise() {
  raised_ = true;
  raised_at_ = loop_.now();
  loop_.raise(*this);
}

void LoadWatch::reached() {
  raised_ = false;
  if (!enabled_) return;
  const Nanos delay = loop_.refresh() - raised_at_;
  waited(delay);
  put_together();
  if (delay > target_) raise();
}

void LoadWatch::waited(Nanos delay) {
  queue_.on_delay(delay, loop_.now(), target_);
  gauges_.wait_ns.store(delay.count(), std::memory_order_relaxed);
}

// The highest level, and of several the resource that comes first.
void LoadWatch::put_together() {
  const std::pair<OwnResource, ShedLevel> all[] = {{OwnResource::memory, process_.memory},
                                                   {OwnResource::descriptors, process_.descriptors},
                                                   {OwnResource::loop, queue_.level()},
                                                   {OwnResource::accept_queue, accept_.level()}};
  own_.level = ShedLevel::none;
  for (const auto& [resource, level] : all) {
    if (level <= own_.level) continue;
    own_.level = level;
    own_.shortest = resource;
  }
  own_.queue_stands = queue_.level() != ShedLevel::none;
  short_of_room_ = std::max(process_.memory, process_.descriptors) != ShedLevel::none;
  gauges_.loop.store(queue_.level(), std::memory_order_relaxed);
  gauges_.accept_queue.store(accept_.level(), std::memory_order_relaxed);
}

}  // namespace weir::proxy
