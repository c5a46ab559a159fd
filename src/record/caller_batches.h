// From the batches that workers hand to the scribe (record/arrivals.h) to entries of callers: who
// an arrival is from is told by its shapes, which stand before it. Costs the workers nothing: it
// reads what is on its way to the segments.
//
// Bounds: kMostShapes names of callers and clients an epoch; arrivals whose shapes are not there
// (lost, or beyond it) are counted as unnamed and belong to nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "base/hash.h"
#include "model/names.h"
#include "model/records.h"
#include "model/shapes.h"
#include "record/caller_tally.h"

namespace weir::record {

// Who asked, as shapes name them: the subject of the first valid credential, else the address (IPv6
// by /64). None where neither was recorded.
std::optional<CallerName> caller_name(const CallerShape* caller, const ClientShape* client);

// What an arrival alone tells of how its exchange ended: let pass, or refused and by what.
CallerEvent event_of(const Arrival& arrival, WallTime at, const NameTable& names);

class CallerBatches {
 public:
  static constexpr std::size_t kMostShapes = std::size_t{1} << 18;

  // `shift`: from stamps to wall time. Names must outlive it.
  CallerBatches(const NameTable& names, HashKey key, Nanos shift, std::size_t most_callers)
      : names_(names), key_(key), shift_(shift), tally_(most_callers) {}

  // Of the epoch in which the batch was written: shapes come anew with each.
  void add(std::span<const std::byte> batch, std::uint32_t epoch, const KnownCallers& known);

  CallerTally& tally() { return tally_; }
  std::uint64_t unnamed() const { return unnamed_; }  // arrivals, since the start
  WallTime newest() const { return newest_; }         // time of the newest arrival

 private:
  // Names by digest, as far as they were written in one epoch.
  struct Shapes {
    std::uint32_t epoch = 0;
    std::unordered_map<std::uint64_t, std::string> callers;  // subjects; "": no valid credential
    std::unordered_map<std::uint64_t, Address> clients;
  };
  void shape(std::span<const std::byte> item, Shapes& shapes);
  void arrival(const Arrival& arrival, Shapes& shapes, const KnownCallers& known);
  std::optional<CallerName> name_of(const Arrival& arrival, const Shapes& shapes) const;

  const NameTable& names_;
  HashKey key_;
  Nanos shift_;
  CallerTally tally_;
  Shapes shapes_[2];  // of this epoch and the one before
  std::unordered_map<std::uint64_t, std::uint64_t>
      hashes_;  // by both digests; begun anew when full
  std::uint64_t unnamed_ = 0;
  WallTime newest_;
};

}  // namespace weir::record
