// Work that goes through several threads, one after the other, in a ring of slots that are used again and again: station 0 fills
// them, each station takes them in their order, and from the last one they come back to the first. Who has none waits until its share
// of the ring has come, so that nobody is woken for every slot.
//
//   while (T* slot = ring.take(station)) { work_on(*slot); ring.pass(station); }     station 0 ends by close()
//
// Memory: the slots. All stations must have ended before it goes.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace weir::control {

template <class T, std::size_t kSlots, std::size_t kStations>
class Ring {
 public:
  // The next slot of this station; null: none will come, or somebody has had enough.
  T* take(std::size_t station) {
    std::unique_lock lock(mutex_);
    if (here(station) == 0) changed_.wait(lock, [&] { return stopped_ || here(station) >= kShare || (hurry_ && here(station) > 0) || is_over(station); });
    return stopped_ || here(station) == 0 ? nullptr : &slots_[passed_[station] % kSlots];
  }
  // On to the next station.
  void pass(std::size_t station) {
    const std::scoped_lock lock(mutex_);
    ++passed_[station];
    if (hurry_ || here((station + 1) % kStations) >= kShare) changed_.notify_all();
  }

  // For station 0: until all that it passed on have come back; false: somebody has had enough.
  bool drain() {
    std::unique_lock lock(mutex_);
    hurry_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return stopped_ || here(0) == kSlots; });
    hurry_ = false;
    return !stopped_;
  }
  // For station 0: it passes on no more.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = hurry_ = true;
    changed_.notify_all();
  }
  // For all: nothing more is taken.
  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  // If every station waited for more than it has, there would be fewer slots than there are.
  static constexpr std::size_t kShare = kSlots / kStations;
  static_assert(kShare >= 1);

  std::size_t here(std::size_t station) const {
    return static_cast<std::size_t>(station == 0 ? kSlots + passed_[kStations - 1] - passed_[0] : passed_[station - 1] - passed_[station]);
  }
  bool is_over(std::size_t station) const { return closed_ && passed_[station] == passed_[0]; }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<T, kSlots> slots_;
  std::array<std::uint64_t, kStations> passed_{};   // slots, by station
  bool hurry_ = false, closed_ = false, stopped_ = false;
};

}  // namespace weir::control
