// Traffic: what offers the gateway the requests of a scenario. Narrow on purpose, so that another
// generator can stand in its place: it is told what to offer and where to, it adds a row for every
// request to a Tally, and its rates can be changed while it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/address.h"
#include "base/units.h"
#include "drill/population.h"
#include "drill/scenario_spec.h"
#include "drill/tally.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::drill {

// How the callers of a traffic prove who they are.
struct Proof {
  enum class Kind : std::uint8_t { none, api_key, service } kind = Kind::none;
  std::string header;  // in lower case
  std::string scheme;  // before the key: "ApiKey", or ""
};

struct Offer {  // one traffic of the scenario
  const TrafficSpec& spec;
  Population population;
  Proof proof;
};

class Traffic {
 public:
  virtual ~Traffic() = default;
  // Offers for `duration`, then waits for what is under way, no longer than its patience.
  virtual io::Task<> run(Nanos duration) = 0;
  virtual void set_rate(std::size_t offer, Rate rate) = 0;
  virtual std::size_t in_flight() const = 0;
};

// The drill's own: open loop, sessions of one caller, connections kept alive and shared by all. At
// most kMostInFlight requests at once; one more is an outcome (`not_sent`). `offers` and `tally`
// outlive it.
inline constexpr std::size_t kMostInFlight = 16'384;
std::unique_ptr<Traffic> own_traffic(io::Loop& loop, SocketAddress gateway,
                                     std::span<const Offer> offers, Chance chance, Tally& tally);

}  // namespace weir::drill
