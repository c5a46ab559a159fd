// How many exchanges are in flight at each endpoint, over all workers: one cache line an endpoint, keyed by
// Endpoint::identity, so that counts live on over revisions. Fixed size; an endpoint with nothing in flight gives up
// its place when another needs it. What finds no place is not counted (`overflowed` says how often).
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "decide/limits/cell.h"

namespace weir::decide::limits {

class InFlight {
 public:
  static constexpr std::size_t kWindow = 16;   // neighbouring places where an identity may live

  explicit InFlight(std::size_t endpoints = 16384);

  // One exchange under way; counted from enter() until this ends.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(cell_, other.cell_);
      return *this;
    }
    ~Hold();
    std::uint64_t count() const;   // under way there now, this one included; 0 where it found no place

   private:
    friend class InFlight;
    explicit Hold(Cell* cell) : cell_(cell) {}
    Cell* cell_ = nullptr;
  };

  [[nodiscard]] Hold enter(std::uint64_t identity);
  std::uint64_t count(std::uint64_t identity) const;
  std::uint64_t overflowed() const { return overflowed_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Place {
    Cell cell;   // owner: the identity; value: how many
  };
  struct Found {
    Cell* cell = nullptr;
    Cell seen;
  };
  Found find(std::uint64_t identity, bool or_free);
  static bool count_one(const Found& found, std::uint64_t identity);
  std::size_t slot(std::uint64_t identity, std::size_t step) const;

  std::vector<Place> places_;   // a power of two
  Stripes stripes_;
  std::atomic<std::uint64_t> overflowed_{0};
};

}  // namespace weir::decide::limits
