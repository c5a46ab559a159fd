// From recorded arrivals back to the facts that decide is asked about, under any policy: watched values and evidence are
// put in the order of that policy, and what it asks for but the recording does not hold is said, never guessed.
//
// A header or query name that the recording policy did not watch is still known to be absent where the list of names
// is whole and does not have it. An identity rule that the recording policy did not have is still known to have had
// no credential where its header was absent. Where hops were not recorded, a request without Via and CDN-Loop still is known
// to have had none. Everything else that is missing makes a request one that cannot be judged,
// if it could change the answer: an unrecorded value only where a route that fits in all else asks for it, a generalised
// path only where a literal of this policy could have stood in it (record/path_class.h).
//
// Built facts and the route that they take are kept per distinct pair of target and head shape, so a request costs a few
// lookups. Bound: kMost of
// each kind, and as many that came before them and may still be in use; beyond it, and where the recording lets go of
// shapes, all are built anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/near.h"
#include "decide/limits.h"
#include "decide/route.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/names.h"
#include "model/policy.h"
#include "record/path_class.h"
#include "record/recording.h"
#include "replay/decider.h"

namespace weir::replay {

class Rebuilder {
 public:
  // All must outlive it. `seed`: the key of the installation that recorded.
  Rebuilder(const Policy& policy, const NameTable& names, const record::Recording& recording, HashKey seed);
  static constexpr std::size_t kMost = std::size_t{1} << 19;

  // Views are valid for kKept calls, as long as the recording keeps its shapes.
  Rebuilt rebuild(const record::RecordedArrival& arrival);
  // The same for many, kBatch at most, one waiting for the memory of several: `out` is as long as they are.
  void rebuild(std::span<const record::RecordedArrival> arrivals, std::span<Rebuilt> out);

 private:
  // What one pair of shapes comes to under this policy.
  struct Request {
    struct FromArrival {               // a value that each arrival brings itself
      bool query;
      std::size_t index;
      std::uint8_t place;
    };
    Unjudged why = Unjudged::none;
    bool each_anew = false;            // `why` depends on what the arrival brings: a route asks for it
    bool marked = false;               // may have carried marks of a loop
    std::optional<decide::Matched> routed;   // none: it depends on that too
    Facts facts;                       // without the client
    std::vector<WatchedValue> headers, queries;
    std::vector<FromArrival> from_arrival;
  };
  // What of it is enough for most: in one line of memory, where the whole takes five and its values some more.
  static constexpr std::size_t kBrought = 8;   // watched values, at most
  struct Gist {
    Request* request = nullptr;
    RouteId route{};                   // this and the next one: Request::routed
    std::uint32_t places = 0;          // where enough: four bits for each watched value, its place in Arrival::values + 1; 0: absent
    ListenerId listener;
    Cause cause{};
    Protocol protocol{};
    Unjudged why{};
    bool encoded_slash = false;
    bool marked = false;
    bool enough = false;               // nothing else of it is asked for
  };
  static_assert(sizeof(Gist) == 24 && Arrival::kValues < 16);   // two and their keys are a line (base/near.h)
  struct Client {
    Address address;
    AddressDetail detail = AddressDetail::full;
    decide::ClientKeys keys;
  };
  struct Caller {
    bool known = true;
    std::vector<Evidence> evidence;
  };
  // How the literals of this policy stand to those that the recording kept under one revision.
  struct Kept {
    record::Literals literals;
    std::vector<RouteId> suspects;     // routes with a literal that would have been generalised
  };

  static constexpr std::size_t kFar = 12, kNear = 4;
  // Of its pair of shapes, and who recorded it.
  static std::uint64_t key_of(const record::RecordedArrival& arrival);
  void expect(const record::RecordedArrival& arrival, std::uint64_t key) const {
    near_requests_.expect(key);
    near_clients_.expect(arrival.client);
  }
  void expect_request(std::uint64_t key) const;

  void forget();
  // The values of one arrival, where its shape leaves some to it.
  struct Values {
    std::vector<WatchedValue> headers, queries;
  };
  void rebuild(const record::RecordedArrival& arrival, std::uint64_t key, Rebuilt& out);
  void facts(const record::RecordedArrival& arrival, std::uint64_t key, Rebuilt& out);
  decide::Carried carried(const record::RecordedArrival& arrival) const;
  Request& find_request(std::uint64_t key, bool& fresh);
  const Request& request(const record::RecordedArrival& arrival, std::uint64_t key);
  void build(const TargetShape& target, const HeadShape& head, Request& request) const;
  Unjudged judge(const TargetShape& target, const Request& request, const record::RecordedArrival& arrival);
  bool unrecorded_matters(const Request& request) const;
  bool routes_ask_for(const Request::FromArrival& value) const;
  bool path_is_open(const TargetShape& target, const Facts& facts, const Kept& kept) const;
  const Kept& kept(const record::RecordedArrival& arrival);
  const Caller& caller(const Arrival& arrival);
  const Client* client(const Arrival& arrival);
  std::optional<std::uint32_t> places_of(const Request& request) const;
  Values& next_values();
  void bring_values(const record::RecordedArrival& arrival, const Gist& gist, Facts& facts);
  void take_values(const record::RecordedArrival& arrival, const Request& request, Facts& facts);

  const Policy& policy_;
  const NameTable& names_;
  const record::Recording& recording_;
  HashKey seed_;
  decide::ClientHasher hash_client_;
  std::vector<bool> matched_headers_, matched_queries_;                    // watched values that a route asks for
  std::uint64_t generation_ = 0;                                           // of the recording
  record::ByDigest<std::unique_ptr<Request>> requests_, requests_before_;  // by target, head, revision and run
  record::ByDigest<std::unique_ptr<Caller>> callers_, callers_before_;     // by caller and head
  Near<Gist> near_requests_{std::size_t{1} << 17};
  Near<Client> near_clients_{std::size_t{1} << 16};
  const Request lost_{.why = Unjudged::shape_lost};                        // that of shapes which are not there
  Caller nobody_;                                                          // of a policy that asks for no credential
  std::vector<Values> values_;                                             // of the last arrivals that brought some
  std::size_t next_values_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Kept>> kept_;   // by run and revision
};

// The conditions that held then, for the endpoints of this policy; all usable where they were not recorded. Neighbours
// mostly have the same. Bound: kMost of them are kept, and as many from before.
class ConditionsThen {
 public:
  ConditionsThen(const record::Recording& recording, const Policy& policy) : recording_(recording), policy_(policy) {}
  // What is taken for known of callers where the recording does not say what was.
  void assume(std::shared_ptr<const CallerPeaks> peaks) { assumed_ = std::move(peaks); }
  // Valid for kMost calls, as long as the recording keeps its shapes.
  const Conditions& of(const record::RecordedArrival& arrival);

 private:
  void learn(Conditions& conditions, std::shared_ptr<const CallerPeaks> peaks);
  static constexpr std::size_t kMost = kKept;
  const record::Recording& recording_;
  const Policy& policy_;
  std::uint64_t generation_ = 0;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Conditions> kept_, before_;   // by run and number
  std::pair<std::uint32_t, std::uint64_t> last_;
  const Conditions* last_found_ = nullptr;
  std::shared_ptr<const CallerPeaks> assumed_, last_peaks_;
  std::shared_ptr<const LearnedRates> learned_;   // of last_peaks_: they change with the day
};

// Who asked, as the recording names them: by what its policy took as proof, so that two policies are counted for the same
// people.
struct RecordedCaller {
  std::string name;                     // subject of the credential, else the address (IPv6 by /64)
  bool by_address = false;
};
RecordedCaller recorded_caller(const record::Recording& recording, const Arrival& arrival);

}  // namespace weir::replay
