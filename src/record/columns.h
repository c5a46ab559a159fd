// The content of an arrivals block (record/segment.h): sorted arrivals as columns of varints, and back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/time.h"
#include "model/names.h"
#include "model/records.h"
#include "record/bytes.h"
#include "record/recording.h"

namespace weir::record {

using ShapeIndex = boost::unordered_flat_map<std::uint64_t, std::uint32_t>;   // digest -> index in the segment
using ShapeDigests = std::vector<std::uint64_t>;                         // by index; 0: its block was lost

// The digest that stands for a shape whose text was lost.
inline constexpr std::uint64_t kLostShape = 1;

void encode_arrivals(std::span<const Arrival> arrivals, const NameTable& names, const ShapeIndex& shapes,
                     ByteWriter& out);

// What a segment says of all its arrivals: their run, and how far its stamps are from wall time.
struct RecordedFrom {
  std::int64_t shift = 0;
  std::uint32_t run = 0;
  bool hops_known = false;
};

// Appends, in the order of replay; names are interned into `names`. False when the bytes are damaged: then nothing was
// appended. Those who do not ask for routes get none, nor as rules where nothing else decided: thousands of names, which each
// block has anew.
bool decode_arrivals(ByteReader& in, const ShapeDigests& shapes, RecordedFrom from, NameTable& names,
                     std::vector<RecordedArrival>& out, Routes routes = Routes::read);

// Two's complement throughout: hostile stamps wrap, they do not overflow.
inline Stamp shifted(std::uint64_t nanos, std::int64_t shift) {
  return stamp_from_nanos(static_cast<std::int64_t>(nanos + static_cast<std::uint64_t>(shift)));
}

}  // namespace weir::record
