// Sixteen bytes that change in one step (cmpxchg16b), and the lock under which a cell gets a new owner. The only two
// things in decide/ that threads share; table and in_flight are built of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir::decide::limits {

// Two words, compared and exchanged together. Reads are two plain atomic loads: the second may be younger than the
// first, so whatever was read is only a belief until replace() succeeds on it.
struct alignas(16) Cell {
  std::uint64_t value = 0;
  std::uint64_t owner = 0;

  Cell load() const {
    Cell seen;
    seen.owner = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
    seen.value = __atomic_load_n(&value, __ATOMIC_ACQUIRE);
    return seen;
  }
  bool replace(const Cell& seen, const Cell& wanted) {
    return __sync_bool_compare_and_swap(reinterpret_cast<unsigned __int128*>(this), pack(seen), pack(wanted));
  }

 private:
  static unsigned __int128 pack(const Cell& cell) {
    return static_cast<unsigned __int128>(cell.owner) << 64 | cell.value;
  }
};
static_assert(sizeof(Cell) == 16);

// Cells change their owner only under the stripe of the new owner: two workers that miss the same key at once would
// otherwise give it two cells, and each would hold a full bucket. Held for a few dozen instructions; who does not get it
// looks again, for the holder is most likely bringing the very cell that is wanted.
class Stripes {
 public:
  class Guard {
   public:
    explicit Guard(std::atomic<std::uint8_t>& stripe)
        : stripe_(stripe),
          held_(stripe.load(std::memory_order_relaxed) == 0 && stripe.exchange(1, std::memory_order_acquire) == 0) {
      if (!held_) __builtin_ia32_pause();
    }
    ~Guard() {
      if (held_) stripe_.store(0, std::memory_order_release);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    bool held() const { return held_; }

   private:
    std::atomic<std::uint8_t>& stripe_;
    const bool held_;
  };

  [[nodiscard]] Guard try_lock(std::uint64_t hash) { return Guard(stripes_[hash % stripes_.size()]); }

 private:
  std::array<std::atomic<std::uint8_t>, 4096> stripes_{};
};

}  // namespace weir::decide::limits
