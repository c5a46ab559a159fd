// From the batches that workers hand to the scribe (record/arrivals.h) to entries of callers: who
// an arrival is from is told by its shapes, which stand before it; what became of the exchange by
// its flight record, which comes when it has finished. Costs the workers nothing: it reads what is
// on its way to the segments.
//
// Not every exchange has a flight record: bad ones do, of the others some (record/flight.h). An
// arrival that was let pass waits for its own kWait, or until the worker has had kHeld more; then
// it is counted as one that nothing bad is known of.
//
// Bounds: kMostShapes names of callers and clients an epoch, kMostNames who ask, kHeld arrivals
// that wait a worker, kMostRoutes of which the usual time is known. Arrivals that nobody can name
// (shapes lost, or beyond a bound) are counted.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/histogram.h"
#include "model/names.h"
#include "model/records.h"
#include "model/shapes.h"
#include "record/arrivals.h"
#include "record/caller_tally.h"
#include "record/flight.h"

namespace weir::record {

// Who asked, as shapes name them: the subject of the first valid credential, else the address (IPv6
// by /64). None where neither was recorded.
std::optional<CallerName> caller_name(const CallerShape* caller, const ClientShape* client);

// What an arrival alone tells of how its exchange ended: let pass, or refused and by what.
CallerEvent event_of(const Arrival& arrival, WallTime at, const NameTable& names);

// And what a flight record tells.
Ending ending_of(const Flight& flight);

// The usual time of each route, its p99, from as many exchanges as were seen: of the first kMostRoutes that were.
class UsualTimes {
 public:
  static constexpr std::size_t kMostRoutes = 1024;
  static constexpr std::uint64_t kEnough = 100;
  // `weight`: of how many, Flight::weight.
  void add(NameId route, Nanos total, std::uint64_t weight = 1);
  std::optional<Nanos> p99(NameId route) const;

 private:
  boost::unordered_flat_map<NameId, std::uint16_t, std::hash<NameId>> places_;   // in times_: which are large and far apart, most routes have none
  std::deque<Histogram> times_;
};

class CallerBatches {
 public:
  static constexpr std::size_t kMostShapes = std::size_t{1} << 18;
  static constexpr std::size_t kMostNames = std::size_t{1} << 16;
  static constexpr std::size_t kHeld = std::size_t{1} << 14;
  static constexpr Nanos kWait = std::chrono::seconds(90);  // timeouts are shorter, as a rule

  // `shift`: from stamps to wall time. Names must outlive it.
  CallerBatches(const NameTable& names, HashKey key, Nanos shift, std::size_t most_callers)
      : names_(names), key_(key), shift_(shift), tally_(most_callers) {}

  // Of the epoch in which the batch was written: shapes come anew with each.
  void add(std::span<const std::byte> batch, std::uint32_t epoch, const KnownCallers& known);
  // Arrivals that have waited so long before the newest one are ended; now and then, and with zero
  // at the end.
  void settle(Nanos wait, const KnownCallers& known);

  CallerTally& tally() { return tally_; }
  std::uint64_t unnamed() const { return unnamed_; }  // arrivals, since the start

 private:
  // Names by digest, as far as they were written in one epoch.
  struct Shapes {
    std::uint32_t epoch = 0;
    std::unordered_map<std::uint64_t, std::string> callers;  // subjects; "": no valid credential
    std::unordered_map<std::uint64_t, Address> clients;
  };
  struct Who {
    std::uint64_t hash;
    CallerName name;
  };
  struct Held {
    ExchangeId exchange;
    std::uint64_t who = 0;  // key of names_by_; 0: the place is free
    WallTime at;
    NameId route;
    std::uint32_t revision = 0;
  };
  void shape(std::span<const std::byte> item, Shapes& shapes);
  void expect(const BatchItem& later);
  const Who* who(const Arrival& arrival, const Shapes& shapes);
  void arrival(const Arrival& arrival, const Shapes& shapes, const KnownCallers& known);
  void flight(const Flight& flight, const KnownCallers& known);
  void end(Held& held, const Ending& ending, const KnownCallers& known);
  Held& place(ExchangeId exchange);

  const NameTable& names_;
  HashKey key_;
  Nanos shift_;
  CallerTally tally_;
  Shapes shapes_[2];                              // of this epoch and the one before
  std::unordered_map<std::uint64_t, Who> whose_;  // by both digests; begun anew when full
  std::unordered_map<std::uint16_t, std::vector<Held>> held_;  // by worker, then sequence
  UsualTimes usual_;
  std::uint64_t unnamed_ = 0;
  WallTime newest_;
};

}  // namespace weir::record
