// Who asks whom how often, beside how often is usual: by caller, by route, by endpoint, and by
// edge, which is caller and upstream. Told of each ExchangeRecord when it has finished; never by a
// worker (export/exchange_ring.h: sample), so a request costs nothing more. What `top --by` shows.
//
//   caller    by credential or service, else by address (IPv6 by /64)
//   edge      of a request refused before an upstream was drawn: the first upstream of its route
//   endpoint  attempts, each by itself
//   refused   the gateway itself said no
//   bad       not refused, but 5xx, 401, 403, 429, a timeout, a client gone, an answer cut short
//             (record/flight.h); of an endpoint a failed attempt (model/outcomes.h)
//   times     of what went to an upstream in the last five to ten seconds: quantiles within 12.5 %,
//             up to 4.3 s (model/outcomes.h)
//
// Bounds: kRows of each kind. Where they are taken, a newcomer gets the place of the least of
// kLooked of them, whose past is lost: it is new when it comes back. `forgotten` says how many
// were. Pure: stamps are passed in.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"
#include "export/rate_window.h"
#include "model/cause.h"
#include "model/names.h"
#include "model/outcomes.h"
#include "model/policy.h"
#include "model/records.h"

namespace weir::exporting {

// The gateway's own no, to a request that could have been let pass. `top` counts by it too.
bool is_refused(Cause cause);

enum class TrafficBy : std::uint8_t { caller, route, endpoint, edge };

struct TrafficSubject {
  std::string caller;
  bool by_address = false;  // the caller
  NameId upstream, place;   // place: route or endpoint
};

struct TrafficRow {
  TrafficSubject subject;
  double rate = 0, refused = 0, bad = 0;  // a second
  std::optional<double> usual;            // a second; none: it has no past
  Cause refused_by = Cause::none;         // what refused most of them, lately
  NameId rule;
  std::optional<Nanos> p50, p95;
};

class TrafficTable {
 public:
  static constexpr std::size_t kRows = 4096, kLooked = 8;
  static constexpr std::int64_t kLatencySeconds = 5;

  struct Event {
    bool refused = false, bad = false;
    Cause cause = Cause::none;
    NameId rule;
    std::optional<Nanos> took;
  };
  // `key` is a hash that nobody can make collide; `subject` is asked for where it is new.
  template <class Subject>
  void add(std::uint64_t key, std::int64_t second, const Event& event, double weight,
           const Subject& subject) {
    count(at(key, second, subject), second, event, weight);
  }
  // Those that were heard of in the last seconds, in no order.
  std::vector<TrafficRow> rows(Stamp began, Stamp at);
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  struct Row {
    std::uint64_t key;
    RateWindow window;
    TrafficSubject subject;
    std::array<LatencyCounts, 2> took{};  // of this stretch of kLatencySeconds, and the one before
    std::int64_t stretch = 0;
    // What refused most in this second: a majority by votes (Boyer, Moore 1981).
    Cause cause = Cause::none;
    NameId rule;
    double votes = 0;
    std::int64_t voted = 0;  // second
  };
  struct Same {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  template <class Subject>
  std::size_t at(std::uint64_t key, std::int64_t second, const Subject& subject) {
    if (const auto known = places_.find(key); known != places_.end()) return known->second;
    const std::size_t place = free_place(second);
    rows_[place] = Row{.key = key,
                       .window = RateWindow(second),
                       .subject = subject(),
                       .stretch = second / kLatencySeconds};
    places_.emplace(key, static_cast<std::uint32_t>(place));
    return place;
  }
  std::size_t free_place(std::int64_t second);
  void count(std::size_t place, std::int64_t second, const Event& event, double weight);
  static void advance(Row& row, std::int64_t second);

  std::vector<Row> rows_;
  std::vector<double> worth_;  // of each row (RateWindow), as of its newest second: side by side, for free_place
  boost::unordered_flat_map<std::uint64_t, std::uint32_t, Same> places_;  // in rows_, by key
  std::size_t hand_ = 0;                                                  // of the next kLooked
  std::uint64_t forgotten_ = 0;
};

class Traffic {
 public:
  explicit Traffic(HashKey key) : key_(key) {}

  // Whose routes tell the edge of what is refused, from now on.
  void use(const Policy& policy);
  // An exchange that stands for `weight` of them.
  void add(const ExchangeRecord& record, std::string_view caller, Stamp at, double weight);

  struct Look {
    double counted = 0;                     // s since the first exchange
    double seconds = 0;                     // that rates are over
    bool has_past = false;                  // long enough for a usual rate
    double rate = 0, refused = 0, bad = 0;  // of all, a second
    std::optional<double> usual;
    std::uint64_t forgotten = 0;
    std::vector<TrafficRow> rows;
  };
  Look look(TrafficBy by, Stamp at);

 private:
  std::uint64_t key_of(std::uint64_t who, NameId upstream, NameId place) const;
  std::uint64_t hash_of(const Address& address) const;
  void add_attempts(const ExchangeRecord& record, std::int64_t second, double weight);

  HashKey key_;
  boost::unordered_flat_map<std::uint32_t, NameId> homes_;  // upstreams, by route
  std::optional<Stamp> began_;
  std::optional<RateWindow> all_;
  std::array<TrafficTable, 4> tables_;  // by TrafficBy
};

}  // namespace weir::exporting
