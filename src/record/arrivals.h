// From a judged request to the bytes that go to the scribe. A batch is the content of one buffer: items one after the
// other, each `kind` (1 byte), `size` (3 bytes) and content, in the order written; it never leaves the process, so
// an arrival in it is the struct itself, and so is a flight (record/flight.h). A shape is its digest (8 bytes) and its encoding; it stands before the first
// arrival that needs it.
//
// ArrivalEncoder remembers in tables of fixed size which shapes it has written since the current segment began, so that text is
// put together and written about once per shape and segment. Forgetting one (five share four places) costs its bytes again,
// nothing else. Under a flood of ever new shapes, `kMaxShapeBytes` per worker and segment bounds what is spent: beyond
// it arrivals are written without their new shapes, and replay says that it cannot judge them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/records.h"
#include "model/shapes.h"
#include "record/observer.h"
#include "record/shape.h"

namespace weir::record {

enum class ItemKind : std::uint8_t { arrival = 1, shape = 2, flight = 3 };

// Appends one item. Bytes used; 0 when `room` did not suffice.
std::size_t put_item(ItemKind kind, std::span<const std::byte> content, std::span<std::byte> room);

// Fingerprint -> digest of what was written in this segment. Four places that a fingerprint may have are one line of memory; the
// four newest stay there.
class DigestMemo {
 public:
  explicit DigestMemo(std::size_t places) : sets_(places / kWays), mask_(sets_.size() - 1) {}   // a power of two
  // 0: not known.
  std::uint64_t find(std::uint64_t fingerprint) const {
    for (const Place& place : set(fingerprint).places) {
      if (place.fingerprint == fingerprint) return place.digest;
    }
    return 0;
  }
  void expect(std::uint64_t fingerprint) const { __builtin_prefetch(&set(fingerprint)); }
  void keep(std::uint64_t fingerprint, std::uint64_t digest) {
    auto& places = sets_[fingerprint >> 1 & mask_].places;
    std::ranges::copy_backward(std::span(places).first(kWays - 1), places.end());
    places[0] = {.fingerprint = fingerprint, .digest = digest};
  }
  void clear();

 private:
  static constexpr std::size_t kWays = 4;
  struct Place {
    std::uint64_t fingerprint = 0, digest = 0;
  };
  struct alignas(64) Set {
    std::array<Place, kWays> places;
  };
  const Set& set(std::uint64_t fingerprint) const { return sets_[fingerprint >> 1 & mask_]; }   // its lowest bit is always set

  std::vector<Set> sets_;
  std::uint64_t mask_;
};

class ArrivalEncoder {
 public:
  static constexpr std::uint64_t kMaxShapeBytes = 16 * 1024 * 1024;
  // The most bytes that one call of encode writes.
  static constexpr std::size_t kMaxItems = 4 * (kMaxShape + 12) + sizeof(Arrival) + 4;

  ArrivalEncoder();

  // Everything from now on goes into a new segment: shapes are written again.
  void begin_segment();

  // Asks for the memory that encode() will look into, and answers Judged::expected.
  Expected expect(const Facts& facts, std::span<const std::string_view> header_names, const Shaper& shaper) const;
  // Appends the arrival, its digests filled in, after the shapes not yet written. Answers the bytes used; 0 when `room`
  // did not suffice, and then nothing has happened: the caller brings a new buffer.
  std::size_t encode(const Arrival& arrival, const Judged& judged, const Shaper& shaper, std::span<std::byte> room);

  // Arrivals whose shapes were left out because of kMaxShapeBytes, since the start.
  std::uint64_t shapes_dropped() const { return shapes_dropped_; }

 private:
  DigestMemo targets_, heads_, callers_, clients_;
  std::vector<std::byte> scratch_;
  std::uint64_t shape_bytes_ = 0;       // written in this segment
  std::uint64_t shapes_dropped_ = 0;
};

// What is in a batch. Stops at the first item that does not fit its buffer.
struct BatchItem {
  ItemKind kind;
  std::span<const std::byte> content;
};
class BatchReader {
 public:
  explicit BatchReader(std::span<const std::byte> batch) : rest_(batch) {}
  bool next(BatchItem& item);

 private:
  std::span<const std::byte> rest_;
};

}  // namespace weir::record
