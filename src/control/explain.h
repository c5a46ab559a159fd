// `explain`: what would be decided about one request, now, by the live policy and the live state of
// its limits, and why. The decision itself is decide's, told step by step (decide/trace.h); nothing
// is spent and no cursor moves.
//   in    a request (method, URL, header fields, address of the client), or an exchange of the past
//         as it was recorded
//   out   JSON: request, verdict, route and those that were near, caller, limits with their fill,
//         endpoints, timeouts; everything that decided with its place in the configuration. Keys:
//         docs/guide/admin.md
// What an exchange's record does not hold is not guessed: values of header fields count as
// unrecorded, those of a query that was cut unless they are whole, its caller is taken by name, and
// where the path was cut the decision says that it is about the beginning.
// Bounds: kMaxHeaders fields, kNearest other routes; the cost grows with the number of routes (each
// is asked why not), so it is done on the study.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/gather.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/result.h"
#include "decide/limits/in_flight.h"
#include "decide/limits/table.h"
#include "decide/own_load.h"
#include "export/exchange_ring.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::control {

struct ExplainQuestion {
  std::string method, authority, path, query;  // as they came
  std::vector<std::pair<std::string, std::string>> headers;
  Address client;         // who is connected; may be a trusted proxy that names another
  bool recorded = false;  // an exchange of the past: no header fields, and
  std::string caller;     // its caller by name, "" for an address
  bool path_cut = false, query_cut = false;  // there was more of it than is recorded
  std::uint8_t hops = 0;  // how often it had been here before, where it is recorded
  ExchangeId exchange;    // draws are those of this exchange
};

struct ExplainWorld {
  const Policy& policy;
  const NameTable& names;
  const auth::KeyTables& keys;
  const Conditions& conditions;
  decide::limits::Table& limits;
  decide::limits::InFlight& in_flight;
  HashKey seed;
  Stamp now;
  WallTime wall;
  decide::OwnLoad own = {};  // of the gateway that is asked
};

inline constexpr std::size_t kMaxHeaders = 100;
inline constexpr std::size_t kNearest = 5;

// What is asked over the admin API: {"method", "url", "headers": [["Name", "value"]], "client"} or
// {"request_id"}.
struct ExplainBody {
  std::string request_id;
  ExplainQuestion question;  // where there is no request_id
};
Result<ExplainBody> read_explain(std::string_view body);

// "http://a.test/users/1?a=1", "a.test/users/1" or "/users/1" taken apart into authority, path and
// query.
Result<> read_url(std::string_view url, ExplainQuestion& question);

// Nothing where the exchange never had a head: there is no request to decide about.
std::optional<ExplainQuestion> question_of(const exporting::KeptExchange& exchange);

void write_explanation(JsonWriter& json, const ExplainQuestion& question,
                       const ExplainWorld& world);

}  // namespace weir::control
