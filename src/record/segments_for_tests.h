// A worker and its segments, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "record/arrivals.h"
#include "record/segment.h"
#include "record/shape.h"

namespace weir::record {

inline constexpr HashKey kKey{.k0 = 1, .k1 = 2};

// A worker's side: requests in, one batch out.
class Batches {
 public:
  Batches() {
    policy_.revision = 3;
    policy_.listeners.emplace_back().name = names.intern("public");
    route = names.intern("orders");
    shaper_ = std::make_unique<Shaper>(policy_, names, kKey);
  }

  Arrival arrival(std::int64_t stamp, std::uint16_t worker, std::uint64_t sequence) const {
    return {.stamp = stamp_from_nanos(stamp),
            .exchange = {.worker = WorkerId{worker}, .sequence = sequence},
            .revision = 3,
            .route = route,
            .cause = Cause::none};
  }
  void add(const Arrival& arrival, std::string_view path, Address client) {
    const Facts facts{
        .listener = ListenerId{0}, .method = "GET", .host = "h", .path = path, .client = client};
    std::array<std::byte, 4096> room;
    const std::size_t used = encoder.encode(
        arrival, {.policy = policy_, .verdict = verdict_, .facts = &facts}, *shaper_, room);
    EXPECT_GT(used, 0u);
    batch.insert(batch.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(used));
  }

  NameTable names;
  NameId route;
  ArrivalEncoder encoder;
  std::vector<std::byte> batch;

 private:
  Policy policy_;
  Verdict verdict_;
  std::unique_ptr<Shaper> shaper_;
};

inline std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file));
}

inline constexpr SegmentStart kStart{
    .installation = {77}, .wall = wall_from_nanos(1'000'000), .stamp = stamp_from_nanos(400)};

}  // namespace weir::record
