// Policy: a compiled configuration, immutable and shared by all workers. Everything `decide` may know about what the
// operator wants is in here, by index; every element remembers the place in the configuration that said it, so that a
// verdict can name its line. Built only by config/compile.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>

#include "base/address.h"
#include "base/boxed.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/units.h"
#include "model/cause.h"
#include "model/names.h"
#include "model/pace.h"
#include "model/rollout_rules.h"
#include "model/route_index.h"
#include "model/shapes.h"

namespace weir {

// A place in the configuration: index into Policy::files, 1-based line and column.
struct Source {
  std::uint16_t file = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend auto operator<=>(const Source&, const Source&) = default;
};

// A duration that somebody configured (or a default: then the place of `defaults:` or line 0).
struct ConfiguredTime {
  Nanos value{0};
  Source source;
  friend auto operator<=>(const ConfiguredTime&, const ConfiguredTime&) = default;
};
// Absent means: no such timeout, spelled `none` in the configuration.
using OptionalTime = std::optional<ConfiguredTime>;

struct Listener {
  NameId name;
  SocketAddress address;
  std::vector<Net> trusted_proxies;
  struct Timeouts {
    Nanos head{std::chrono::seconds(10)};   // the whole head, from its first byte
    Nanos body{std::chrono::seconds(30)};   // longest time below min_rate, either way
    Nanos idle{std::chrono::seconds(60)};   // between requests
  } timeouts;
  struct Caps {
    Bytes head = 32_KiB;
    Bytes line = 8_KiB;
    std::uint32_t fields = 100;
    std::optional<Bytes> body;              // absent: none
    Bytes min_rate = 1_KiB;                 // bytes a second
    std::uint32_t connections = 0;          // 0 is refused by the decoder; filled with the default there
  } caps;
  Source source;
};

enum class IdentityKind : std::uint8_t { api_key, service };

struct IdentityRule {
  NameId name;
  IdentityKind kind = IdentityKind::api_key;
  std::string header;             // lower case
  std::string scheme;             // "" or "ApiKey": credentials are "ApiKey XYZ"
  std::string keys_file;          // absolute; api_key only
  std::vector<Net> from;          // service only: who is believed
  std::uint64_t digest = 0;       // hash of the name: callers are told apart by it over revisions and restarts
  Source source;
};

// Shell-style pattern of caller names: `*` stands for any run of characters, nothing else is special.
struct NamePattern {
  std::string text;
};

struct CallerSet {   // who is meant: whoever any of these names; all empty and not anonymous: everyone
  std::vector<IdentityId> identities;
  std::vector<NamePattern> callers;
  std::vector<std::string> groups;
  bool anonymous = false;
  bool everyone() const { return identities.empty() && callers.empty() && groups.empty() && !anonymous; }
};

enum class LimitMode : std::uint8_t { enforce, observe };
enum class KeyKind : std::uint8_t { all, caller, client_ip, client_net, route, header, query };

struct KeyPart {
  KeyKind kind = KeyKind::all;
  std::uint16_t watched = 0;   // header: index into watched_headers; query: into watched_queries
};

constexpr std::size_t kMaxKeyParts = 8;

struct LimitOverride {
  CallerSet who;
  Rate rate;
  std::uint64_t burst = 1;
  HashKey cells;               // as Limit::cells, for this rate and burst
  Pace pace;                   // of rate and burst; filled by decide::prepare
  Source source;
};

// Each caller that has proved who it is has a rate of its own: so many times its peak (model/conditions.h).
struct LearnedCap {
  std::uint32_t times = 3;
  std::uint32_t thousandths = 1000;   // of that: what overrides make of it (scale)
  std::optional<Rate> floor;   // no learned rate is below it
  Source source;

  double factor() const { return static_cast<double>(times) * thousandths / 1000; }
};

struct Limit {
  NameId name;
  std::vector<KeyPart> key;    // 1 to kMaxKeyParts
  Rate rate;
  std::uint64_t burst = 1;     // capacity of the bucket in requests, >= 1
  LimitMode mode = LimitMode::enforce;
  bool before_auth = false;
  CallerSet who;
  std::vector<LimitOverride> overrides;   // first match wins
  std::optional<LearnedCap> learned;      // then rate and burst are of callers without a past; key is the caller
  struct Expect {
    CallerSet who;
    std::optional<Rate> max;
    std::optional<Nanos> until;           // from when the revision went live
  };
  std::optional<Expect> expect;
  Cause cause = Cause::limit_rejected;    // of its refusals; caller_capped: the cap of an override (Restraint)
  HashKey cells;               // derived from (name, rate, burst): a limit that changed starts with fresh cells
  Pace pace;                   // of rate and burst; filled by decide::prepare
  Source source;
};

// At most so many exchanges of one key under way at once.
struct ConcurrencyLimit {
  NameId name;
  std::vector<KeyPart> key;    // 1 to kMaxKeyParts
  CallerSet who;
  std::uint32_t max_in_flight = 1;
  HashKey cells;               // derived from the name and the key
  Source source;
};

enum class BalanceKind : std::uint8_t { round_robin, least_request, random, ring_hash, peak_ewma };

struct Endpoint {
  NameId name;                 // as written: "127.0.0.1:9001"
  UpstreamId upstream;
  std::string host;            // a name to resolve, or "" when `address` is given
  SocketAddress address;       // port counts also when host is given
  std::uint32_t weight = 1;    // 0: takes no new requests
  std::uint8_t tier = 0;       // taken only when nobody of a lower one can be
  std::uint64_t identity = 0;  // hash of what is connected to; pools and counters are keyed by it over revisions
  Source source;
};

// Asking endpoints whether they are well, beside the traffic.
struct HealthCheck {
  std::string path;                   // "": a connection is enough
  std::string host;                   // of the request; "": the endpoint as written
  std::vector<std::uint16_t> status;  // good answers; empty: any 2xx
  std::string body;                   // that the first 64 KiB of the answer must hold; "": any
  Nanos interval{std::chrono::seconds(2)};
  Nanos timeout{std::chrono::seconds(1)};
  std::uint32_t rise = 2, fall = 3;   // results in a row that change the opinion
  Source source;
};

// When traffic itself takes an endpoint out of its pool, and for how long.
struct Ejection {
  std::uint32_t consecutive_failures = 5;
  double failure_ratio = 0.5;         // of its requests in the window
  double latency_factor = 3;          // its median against that of the others
  std::uint32_t min_requests = 20;    // in the window, before a share or a median says anything
  Nanos window{std::chrono::seconds(10)};
  Nanos time{std::chrono::seconds(30)};       // the first time; n times as long the n-th
  Nanos max_time{std::chrono::seconds(300)};
  double max_share = 0.5;             // of the pool, rounded down, is out at most
  Source source;
};

// A bulkhead and a fuse: how much of an upstream may be under way, and when nothing is sent to it for a while.
struct Breaker {
  std::uint32_t max_in_flight = 0;               // exchanges under way at the upstream; 0: as many as come
  std::uint32_t max_in_flight_per_endpoint = 0;  // an endpoint with so many takes no more; 0: likewise
  double failure_ratio = 0;           // of its attempts in the window; 0: it never opens
  std::uint32_t min_requests = 20;    // in the window, before a share says anything
  Nanos window{std::chrono::seconds(10)};
  Nanos open{std::chrono::seconds(5)};           // the first time; twice as long each time in a row
  Nanos max_open{std::chrono::seconds(60)};
  std::uint32_t probes = 3;           // half open: so many at once, and so many good ones close it
  Source source;
};

// How many exchanges may be under way at an upstream, found by what they do to its latency.
struct AdaptiveLimit {
  std::uint32_t min = 8, max = 10000;
  double tolerance = 1.5;             // a median of so many times the unloaded one is still well
  Source source;
};

// By what requests stay with one endpoint: `balance: ring_hash`.
struct HashRule {
  std::vector<KeyPart> key;           // at most kMaxKeyParts; empty: the caller
  std::optional<double> load = 1.25;  // in flight at most so many times its share, >= 1; absent: no bound
};

// Endpoints that are used together, as offsets into those of their upstream. Filled by decide::prepare.
struct Tier {
  std::vector<std::uint16_t> members;    // those with a weight
  std::vector<std::uint16_t> schedule;   // of them: smooth weighted order, one full cycle
  std::uint64_t digest = 0;              // of the schedule and whom it names
  std::vector<std::uint16_t> owners;     // ring_hash: who has each slot of the hash (decide/hash_slots.h)
};

struct Upstream {
  NameId name;
  BalanceKind balance = BalanceKind::round_robin;
  HashRule hash;
  std::optional<HealthCheck> health_check;
  std::optional<Ejection> ejection = Ejection();
  std::optional<Nanos> slow_start = std::chrono::seconds(10);   // until an endpoint that came back has its whole share
  double panic_below = 0.5;           // healthy share of the pool below which checks are not believed
  std::optional<Breaker> breaker;
  std::optional<AdaptiveLimit> adaptive_limit;
  bool late_probe = true;             // some of its answers that nobody waits for any more are waited for (decide/late.h)
  std::string version_header;         // of its answers: which version of the service made one; "": nothing tells
  std::uint32_t first_endpoint = 0;
  std::uint32_t endpoint_count = 0;   // >= 1
  boost::container::small_vector<Tier, 1> tiers;   // lowest first, those with a weight; none: every weight is zero
  Source source;
};

struct HeaderOperation {
  enum class Kind : std::uint8_t { set, add, remove } kind = Kind::set;
  std::string name;    // as written
  std::string value;
  friend auto operator<=>(const HeaderOperation&, const HeaderOperation&) = default;
};

struct PathRewrite {
  enum class Kind : std::uint8_t { none, replace_prefix, replace_full } kind = Kind::none;
  std::string value;
};

// What an upstream is asked for instead of what the client asked for.
struct TargetRewrite {
  PathRewrite path;
  std::string host;                      // "" keeps the canonical host of the request
};

// What a part of a split is to the judge that compares them: the proven one, the new one, or neither.
enum class SplitArm : std::uint8_t { none, stable, candidate };

struct WeightedUpstream {
  UpstreamId upstream;
  std::uint32_t weight = 1;
  SplitArm arm = SplitArm::none;      // of a split none, or one of each
};

struct Forward {
  boost::container::small_vector<WeightedUpstream, 1> split;   // at least one; one entry: no draw
  Boxed<TargetRewrite> rewrite;          // absent: as it was asked for
};

struct Redirect {
  std::uint16_t status = 302;
  std::string scheme, host;              // "" keeps
  std::optional<std::uint16_t> port;
  PathRewrite path;
};

struct DirectResponse {
  std::uint16_t status = 200;
  std::string content_type;
  std::string body;
};

// What a failed attempt may have come to for another one to follow.
enum class RetryOn : std::uint8_t { connect_failed, closed, timeout, bad_gateway, unavailable, gateway_timeout };

struct RetryRules {
  std::uint32_t max_retries = 1;
  std::uint8_t on = 1 << static_cast<unsigned>(RetryOn::connect_failed);   // bits by RetryOn
  OptionalTime per_try_timeout;        // until the head of an attempt's answer, besides the route's own timeouts
  double budget_ratio = 0.2;           // retries under way at an upstream, of the requests under way there
  std::uint32_t budget_min = 3;        // so many always may
  Source source;
  bool has(RetryOn what) const { return (on >> static_cast<unsigned>(what) & 1) != 0; }
  friend auto operator<=>(const RetryRules&, const RetryRules&) = default;
};

enum class Priority : std::uint8_t { critical, normal, sheddable };

struct RouteTimeouts {
  ConfiguredTime connect;
  OptionalTime response;   // until the head of the answer
  OptionalTime idle;       // between bytes of the answer
  OptionalTime total;
  friend auto operator<=>(const RouteTimeouts&, const RouteTimeouts&) = default;
};

// A service that is asked whether a request may pass, when the gateway itself would let it (docs/design/020-external-auth.md).
struct ExternalAuth {
  enum class OnFailure : std::uint8_t { refuse, allow };
  struct Cache {
    Nanos ttl{0};
    std::uint32_t max = 1;           // answers kept by each worker, >= 1
  };
  UpstreamId upstream;
  std::string path = "/";
  ConfiguredTime timeout;            // of the whole call
  OnFailure on_failure = OnFailure::refuse;
  std::vector<std::string> headers;  // of the request, that the service is sent; lower case
  std::vector<std::string> take;     // of its answer, that the upstream is sent instead of the client's own; as written
  std::optional<Cache> cache;
  std::uint64_t digest = 0;          // of all that an answer depends on: kept answers are told apart by it over revisions
  Source source;
};

struct RouteAuth {
  std::vector<IdentityId> require;   // any of these; empty: no credential is needed
  std::uint32_t external = 0;        // 1 + index into Policy::external_auths; 0: no service is asked
  Source source;
  friend auto operator<=>(const RouteAuth&, const RouteAuth&) = default;
};

struct HeaderMatch {
  std::uint16_t watched = 0;
  std::string value;    // exact; "" together with present_only
  bool present_only = false;
};

struct RouteMatch {
  std::vector<std::string> hosts;      // lower case; "*.example.com"; empty: any
  enum class PathKind : std::uint8_t { prefix, exact } path_kind = PathKind::prefix;
  std::string path = "/";              // canonical; prefix "/catalog" matches /catalog and /catalog/...
  std::vector<std::string> methods;    // empty: any
  std::vector<HeaderMatch> headers;    // watched_headers
  std::vector<HeaderMatch> queries;    // watched_queries
};

constexpr std::size_t kMaxConcurrencyPerRoute = 4;
constexpr std::size_t kMaxLimitsPerRoute = 16;   // one bit each in Verdict::limits_asked

// What most routes have in common, mostly from `defaults`.
struct RouteSettings {
  RouteAuth auth;
  boost::container::static_vector<std::uint16_t, kMaxConcurrencyPerRoute> concurrency;   // into Policy::concurrency_limits
  std::vector<HeaderOperation> request_headers, response_headers;
  RouteTimeouts timeouts;
  RetryRules retry;
  friend std::partial_ordering operator<=>(const RouteSettings&, const RouteSettings&) = default;
};

// In the order in which a request meets its parts, and two lines of memory before `match`: with 10,000 routes each is one to
// wait for.
struct alignas(64) Route {
  NameId name;
  Source source;
  std::uint32_t settings = 0;          // index into Policy::settings
  Priority priority = Priority::normal;
  bool encoded_slash_kept = false;     // %2F in the path: kept (true) or refused
  // In the order they are asked, before_auth ones first; at most kMaxLimitsPerRoute.
  boost::container::small_vector<LimitId, 4> limits;
  std::variant<Forward, Boxed<Redirect>, Boxed<DirectResponse>> action;
  RouteMatch match;                    // most requests are matched by the index alone
};
static_assert(sizeof(Route) <= 4 * 64);

// What is remembered of requests, and how long.
struct RecordOptions {
  bool enabled = true;
  ShapeOptions shapes;
  Nanos keep{std::chrono::days(7)};   // segments whose last arrival is older go
  Bytes max_bytes = 2048_MiB;           // all segments together; the oldest go first
};

// What a change may do to people before it counts as harmful: `rollout.harm_budget`.
struct HarmBudget {
  std::uint64_t known_callers = 0;
  double requests = 0.001;             // share of the requests that were judged
};

// How often a request may come back to the installation that sent it on: `loop`.
struct LoopRule {
  std::uint32_t depth = 8;             // refused that was here so often before; >= 1
  Source source;
};

// Who is asked for the addresses of endpoints that have names, and how long an answer is good: `dns`.
struct DnsRules {
  std::vector<SocketAddress> servers;  // empty: those of the system
  Nanos min_ttl{std::chrono::seconds(1)}, max_ttl{std::chrono::minutes(5)};
};

// What the gateway itself may be short of.
enum class OwnResource : std::uint8_t { memory, descriptors, loop, accept_queue };
constexpr std::size_t kOwnResources = 4;

// When it refuses for that (decide/own_load.h): `overload`.
struct OverloadRules {
  bool enabled = true;
  std::optional<Bytes> memory;         // that it may take; absent: what the system allows
  double from = 0.85;                  // share of memory, descriptors or an accept queue from which on it refuses; below 1
  Nanos queue_delay{std::chrono::milliseconds(5)};   // requests that wait longer for a worker, all of them, stand in a queue
  std::array<NameId, kOwnResources> names;   // by OwnResource: the rule of a refusal
  Source source;
};

// Who is held back for a time by an override: a net by the client's address, before anybody is asked who it is, or callers by
// the name that they prove.
struct Restraint {
  NameId name;                         // o3
  std::optional<Net> net;              // absent: by name
  NamePattern caller;
  LimitId cap = LimitId::none();       // of Policy::limits, on no route; none: refused altogether
};

// What overrides do besides setting values anew (config/overlay.h).
struct Overlay {
  std::vector<Restraint> restraints;   // the newest first: of several caps that mean one caller the first holds
  std::vector<NameId> paused;          // by route: the override that pauses it, or none; empty: no route is
};

enum class RefusalDetail : std::uint8_t { full, brief };
enum class RateLimitFields : std::uint8_t { ietf, legacy, off };

struct Policy {
  std::uint32_t revision = 0;          // r42; 0: not numbered yet
  std::string hash;                    // hex, over the text and the digests of the files it names
  std::vector<std::string> files;      // Source::file indexes this; as the user named them
  std::string text;                    // the configuration as read (one file), for `config` and history

  std::vector<Listener> listeners;
  std::optional<SocketAddress> admin;
  std::vector<std::string> admin_hosts;   // names under which the TCP admin may be called besides addresses
  std::string data_dir;
  std::vector<IdentityRule> identities;   // in order: the first valid one names the caller
  std::vector<Limit> limits;
  std::vector<ConcurrencyLimit> concurrency_limits;
  std::vector<Upstream> upstreams;
  std::vector<Endpoint> endpoints;        // of all upstreams, in order
  std::vector<Route> routes;
  std::vector<RouteSettings> settings;    // of routes; each once
  std::vector<ExternalAuth> external_auths;   // one a route that has one
  RouteIndex index;                       // over routes; built by decide::prepare

  std::vector<std::string> watched_headers;   // lower case, sorted
  std::vector<std::string> watched_queries;   // sorted

  std::optional<RefusalDetail> refusal_detail;   // absent: full to identified callers, loopback, trusted networks
  RateLimitFields rate_limit_fields = RateLimitFields::ietf;
  std::string access_log;                 // path, "-" standard output, "" off
  LoopRule loop;
  std::string deadline_header;            // in which peers say how many milliseconds are left; "": in none
  DnsRules dns;
  OverloadRules overload;
  RecordOptions record;
  HarmBudget harm_budget;
  RolloutRules rollout;
  std::shared_ptr<const Overlay> overlay; // null: no override holds a request back
  std::uint64_t laid = 0;                 // digest of what is laid over it; 0: nothing
  std::uint32_t workers = 0;              // 0: one a core
  std::string via_name = "weir";
  Nanos drain{std::chrono::seconds(30)};

  const RouteSettings& settings_of(const Route& route) const { return settings[route.settings]; }
  const RouteTimeouts& timeouts_of(const Route& route) const { return settings_of(route).timeouts; }
  const RetryRules& retry_of(const Route& route) const { return settings_of(route).retry; }
  const ExternalAuth* external_auth_of(const Route& route) const {
    const std::uint32_t external = settings_of(route).auth.external;
    return external == 0 ? nullptr : &external_auths[external - 1];
  }
};

}  // namespace weir
