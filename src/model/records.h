// The two records of every exchange, from which everything later is made: metrics, access log, recorder, replay,
// diagnosis. Arrival is written at the decision, ExchangeRecord at the finish; exchange id joins them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "model/cause.h"
#include "model/facts.h"
#include "model/names.h"
#include "model/verdict.h"

namespace weir {

// 64-bit digests name shapes (model/shapes.h): equal facts, equal digest, whoever recorded them; 0: not recorded.
struct Arrival {
  static constexpr std::size_t kValues = 4;
  Stamp stamp;
  ExchangeId exchange;
  std::uint64_t target = 0;      // listener, protocol, method, host, path class, query names
  std::uint64_t head = 0;        // header names, watched values
  std::uint64_t caller = 0;      // evidence
  std::uint64_t client = 0;      // address
  std::uint32_t revision = 0;    // whose verdict is enforced
  std::uint32_t second = 0;      // of the policy that decided beside it; 0: none
  NameId route;                  // none when no route matched
  NameId rule;                   // of Verdict::rule, none where no rule decided
  Cause cause = Cause::none;     // none: let pass
  Action action = Action::forward;
  std::uint16_t head_bytes = 0;  // saturating
  std::uint8_t hops = 0;         // Facts::hops
  NameId endpoint;
  std::uint64_t conditions = 0;  // Conditions::number that was decided under
  bool asks = false;             // Verdict::asks
  std::array<std::uint64_t, kValues> values{};   // digests of watched values; the head shape says whose (WatchedShape::place)
};

enum class Phase : std::uint8_t { none, head, connect, send, response, idle, body, total };

// One attempt at an endpoint, in the order they were made.
struct AttemptRecord {
  NameId endpoint;
  std::uint32_t micros = 0;      // until the head of its answer or its end, saturating
  std::uint16_t status = 0;      // of its answer; 0: none came
  Cause cause = Cause::none;     // why none came
};

// What asking an auth service came to, and the call that was made for it.
struct AuthRecord {
  NameId upstream;               // none: it was not asked
  AuthResult result = AuthResult::none;
  bool kept = false;             // a kept answer was used; then there was no call
  AttemptRecord call;            // no endpoint: none was made; micros: until its whole answer
};

// What came over a connection that was kept after its exchange had timed out (docs/design/022-late-answers.md).
enum class LateResult : std::uint8_t {
  not_asked,
  success,   // an answer below 500
  failure,   // one of 500 or more, or the connection ended
  none,      // nothing, for as long as was waited
  dropped,   // given up before: the upstream was busy or failing, or the gateway ended
};
constexpr std::string_view to_string(LateResult result) {
  constexpr std::array<std::string_view, 5> kNames = {"not_asked", "success", "failure", "none", "dropped"};
  return kNames[static_cast<std::size_t>(result)];
}
struct LateRecord {
  LateResult result = LateResult::not_asked;
  std::uint16_t status = 0;      // of the answer; 0: none came
  std::uint32_t micros = 0;      // as response_time would have been, saturating; without an answer: until that was given up
};

// What the other of two policies said, while two decide and one is enforced (docs/design/028-two-policies.md).
struct SecondOpinion {
  // A limit that both asked: how full its bucket is after the request in the state of each, in hundredths.
  struct Fill {
    NameId limit;                // none: not used
    std::uint8_t own = 0, other = 0;
  };
  static constexpr std::size_t kFills = 4;
  std::uint32_t revision = 0;    // whose; 0: one policy decided alone
  Action action = Action::forward;
  Cause cause = Cause::none;     // none: it lets pass
  bool expected = false;         // Verdict::expected
  NameId rule, endpoint;         // none where there is none
  Nanos response{0}, auth{0};    // how long it lets the upstream's head and the route's auth service take; 0: it sets no bound
  std::array<Fill, kFills> fills;
};

// Who asked, as decide knew it.
struct WhoAsked {
  std::uint64_t caller = 0;      // CallerRef::digest
  std::uint64_t group = 0;       // keyed hash of its first group; 0: it has none
  NameId identity;               // the rule that named it; none: nobody proved anything
  std::uint64_t method = 0;      // the first eight bytes of its text, padded with zeros
};

struct ExchangeRecord {
  static constexpr std::size_t kAttempts = 4;
  ExchangeId exchange;
  Stamp arrived;                 // head complete
  WallTime arrived_wall;
  Nanos head_time{0};            // first byte of the head until its last
  Nanos connect_time{0};         // zero on a reused connection
  Nanos response_time{0};        // head complete until the upstream's head complete, without auth.call
  Nanos total_time{0};
  std::uint64_t bytes_in = 0, bytes_out = 0;        // bodies, as sent to and by the client
  Address client;
  std::uint32_t revision = 0;
  NameId listener, route, upstream, endpoint, rule;
  std::uint32_t in_flight = 0;                      // of the worker, this one included
  std::uint32_t timeout_line = 0;                   // configuration line of the timeout that fired
  Phase timeout_phase = Phase::none;
  Cause cause = Cause::none;
  std::uint8_t violation = 0;                       // http::Violation, 0 none
  std::uint8_t attempts = 0;
  std::array<AttemptRecord, kAttempts> tries;       // the first `attempts` of them, as many as fit
  AuthRecord auth;
  LateRecord late;
  WhoAsked who;
  SecondOpinion second;
  std::uint64_t version = 0;                        // keyed hash of what the upstream's version header says; 0: no answer, or none
  std::uint8_t hops = 0;                            // Facts::hops
  std::uint16_t status = 0;                         // as sent to the client; 0 nothing was sent
  std::uint16_t upstream_status = 0;
  enum Flags : std::uint8_t { kReused = 1, kRetried = 2, kTunnel = 4, kKeptAlive = 8, kKnownCaller = 16, kInternal = 32, kExpected = 64 };
  std::uint8_t flags = 0;
};

// The text that goes with a record; views, valid during the call that hands them over. Each is bounded by the writer:
// method 32, host 255, path 1024, query 1024, user_agent 256, caller 128, request_id 64, detail 256 bytes.
struct ExchangeText {
  std::string_view request_id, method, host, path, query, user_agent, caller, detail, traceparent;
};

}  // namespace weir
