// Work handed from one thread to another in a ring of slots that are used again and again: one fills them, one empties them, each
// waits for the other only when it has none left, and then until half of them have changed hands, so that neither is woken for
// every slot.
//
//   while (T* slot = ring.begin()) { fill(*slot); ring.hand_over(); }   ring.close();      one thread
//   while (T* slot = ring.front()) { use(*slot); ring.give_back(); }                       the other
//
// Memory: the slots. Both must have ended before it goes.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace weir::control {

template <class T, std::size_t kSlots>
class Ring {
 public:
  static_assert(kSlots >= 2);

  // The next slot to fill; null: whoever empties them has had enough.
  T* begin() {
    std::unique_lock lock(mutex_);
    if (used_ == kSlots) changed_.wait(lock, [&] { return used_ <= kSlots / 2 || stopped_; });
    return stopped_ ? nullptr : &slots_[(first_ + used_) % kSlots];
  }
  void hand_over() {
    const std::scoped_lock lock(mutex_);
    if (++used_ >= kSlots / 2) changed_.notify_all();
  }
  // Until all that was handed over has come back; false: whoever empties them has had enough.
  bool drain() {
    std::unique_lock lock(mutex_);
    hurry_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return used_ == 0 || stopped_; });
    hurry_ = false;
    return !stopped_;
  }
  // Nothing more will be handed over.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // The oldest slot that was handed over; null: there is none, and none will come.
  T* front() {
    std::unique_lock lock(mutex_);
    if (used_ == 0) changed_.wait(lock, [&] { return used_ >= kSlots / 2 || (used_ > 0 && hurry_) || closed_; });
    return used_ == 0 ? nullptr : &slots_[first_];
  }
  void give_back() {
    const std::scoped_lock lock(mutex_);
    first_ = (first_ + 1) % kSlots;
    if (--used_ == kSlots / 2 || used_ == 0) changed_.notify_all();
  }
  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<T, kSlots> slots_;
  std::size_t first_ = 0, used_ = 0;
  bool hurry_ = false, closed_ = false, stopped_ = false;
};

}  // namespace weir::control
