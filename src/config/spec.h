// Spec: the configuration as its author wrote it, decoded into types, each value with its place.
// Member initialisers are the defaults of the language (the guide, the JSON Schema and `show
// --effective` read them from here). Nothing is merged, looked up or numbered yet; compile.cc turns
// a Spec into a Policy. The keys stand in schema.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/units.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "model/policy.h"

namespace weir::config {

template <class T>
struct Given {
  T value{};
  Span at;  // of the value; unknown: nobody wrote it, `value` is the default
  bool given() const { return at.known(); }
  // Wherever it stands.
  friend bool operator==(const Given& a, const Given& b) { return a.given() == b.given() && a.value == b.value; }
};
template <class T>
using List = std::vector<Given<T>>;

// Texts that are read in different ways get different types.
template <class Tag>
struct Text {
  std::string text;
  friend bool operator==(const Text&, const Text&) = default;
};
using Name = Text<struct NameText>;                // defines
using IdentityRef = Text<struct IdentityRefText>;  // refers
using LimitRef = Text<struct LimitRefText>;
using UpstreamRef = Text<struct UpstreamRefText>;
using HostPattern = Text<struct HostPatternText>;
using Path = Text<struct PathText>;
using Target = Text<struct TargetText>;  // a path, and maybe a query
using Method = Text<struct MethodText>;
using HeaderName = Text<struct HeaderNameText>;
using HeaderValue = Text<struct HeaderValueText>;
using QueryName = Text<struct QueryNameText>;
using CallerPattern = Text<struct CallerPatternText>;
using Word = Text<struct WordText>;    // groups
using Token = Text<struct TokenText>;  // of HTTP: schemes, names in Via
using FilePath = Text<struct FilePathText>;
using LogPath = Text<struct LogPathText>;    // a path, - or off
using FreeText = Text<struct FreeTextText>;  // anything, many lines too

struct SizeRate {
  Bytes per_second;
  friend bool operator==(SizeRate, SizeRate) = default;
};

struct ListenerSpec {
  Given<Name> name;
  Given<SocketAddress> address;
  Given<List<Net>> trusted_proxies;
  struct Timeouts {
    Given<Nanos> head{std::chrono::seconds(10), {}}, body{std::chrono::seconds(30), {}},
        idle{std::chrono::seconds(60), {}};
    bool operator==(const Timeouts&) const = default;
  };
  Given<Timeouts> timeouts;
  struct Caps {
    Given<Bytes> head{32_KiB, {}}, line{8_KiB, {}};
    Given<std::uint64_t> fields{100, {}};
    Given<std::optional<Bytes>> body;
    Given<SizeRate> min_rate{{1_KiB}, {}};
    Given<std::uint64_t> connections{65536, {}};
    bool operator==(const Caps&) const = default;
  };
  Given<Caps> caps;
  bool operator==(const ListenerSpec&) const = default;
};

struct AdminSpec {
  Given<SocketAddress> address;
  Given<List<HostPattern>> hosts;
  bool operator==(const AdminSpec&) const = default;
};

// As the model's defaults: what a route gets that says nothing.
struct DefaultTimeoutsSpec {
  Given<Nanos> connect{std::chrono::seconds(2), {}};
  Given<std::optional<Nanos>> response{std::chrono::seconds(30), {}},
      idle{std::chrono::seconds(60), {}}, total;
  bool operator==(const DefaultTimeoutsSpec&) const = default;
};
struct RetryBudgetSpec {
  Given<Share> ratio{{20'000}, {}};
  Given<std::uint64_t> min_concurrent{3, {}};
  bool operator==(const RetryBudgetSpec&) const = default;
};
struct RetrySpec {
  Given<std::uint64_t> max_retries{1, {}};
  Given<List<RetryOn>> on;  // left out: connect_failed
  Given<std::optional<Nanos>> per_try_timeout;
  Given<RetryBudgetSpec> budget;
  bool operator==(const RetrySpec&) const = default;
};
struct DefaultsSpec {
  Given<DefaultTimeoutsSpec> timeouts;
  Given<RetrySpec> retry;
  Given<List<LimitRef>> limits, concurrency;
  bool operator==(const DefaultsSpec&) const = default;
};

struct ApiKeySpec {
  Given<HeaderName> header{{"X-Api-Key"}, {}};
  Given<Token> scheme;
  Given<FilePath> file;
  bool operator==(const ApiKeySpec&) const = default;
};
struct ServiceSpec {
  Given<HeaderName> header;
  Given<List<Net>> from;
  bool operator==(const ServiceSpec&) const = default;
};
struct IdentitySpec {
  Given<Name> name;
  Given<ApiKeySpec> api_key;
  Given<ServiceSpec> service;
  bool operator==(const IdentitySpec&) const = default;
};

struct CallersSpec {
  Given<List<IdentityRef>> identity;
  Given<List<CallerPattern>> callers;
  Given<List<Word>> groups;
  Given<bool> anonymous;
  bool operator==(const CallersSpec&) const = default;
};
struct OverrideSpec : CallersSpec {
  Given<Rate> rate;
  Given<std::uint64_t> burst;
  bool operator==(const OverrideSpec&) const = default;
};
struct ExpectSpec : CallersSpec {
  Given<Rate> max;
  Given<Nanos> until;
  bool operator==(const ExpectSpec&) const = default;
};
struct KeyPartSpec {
  KeyKind kind = KeyKind::all;
  std::string name;  // of the header (lower case) or query
  friend bool operator==(const KeyPartSpec&, const KeyPartSpec&) = default;
};
struct KeySpec {
  List<KeyPartSpec> parts;
  bool operator==(const KeySpec&) const = default;
};
struct LearnedSpec {
  Given<Rate> by_default;
  Given<std::uint64_t> times{3, {}};
  Given<Rate> floor;
  bool operator==(const LearnedSpec&) const = default;
};
struct LimitSpec {
  Given<Name> name;
  Given<KeySpec> key;
  Given<Rate> rate;  // or learned
  Given<LearnedSpec> learned;
  Given<std::uint64_t> burst;
  Given<LimitMode> mode;
  Given<bool> before_auth;
  Given<CallersSpec> who;
  Given<List<OverrideSpec>> overrides;
  Given<ExpectSpec> expect;
  bool operator==(const LimitSpec&) const = default;
};

struct ConcurrencySpec {
  Given<Name> name;
  Given<KeySpec> key;
  Given<std::uint64_t> max_in_flight;
  Given<CallersSpec> who;
  bool operator==(const ConcurrencySpec&) const = default;
};

struct EndpointSpec {
  Given<EndpointAddress> address;
  Given<std::uint64_t> weight{1, {}}, tier;
  bool operator==(const EndpointSpec&) const = default;
};
struct HashSpec {
  Given<KeySpec> key;  // left out: the caller
  Given<std::optional<Share>> above_share{Share{25'000}, {}};
  bool operator==(const HashSpec&) const = default;
};
struct HealthCheckSpec {
  Given<Target> path;
  Given<HostPattern> host;
  Given<List<StatusCode>> status;
  Given<FreeText> body;
  Given<Nanos> interval{std::chrono::seconds(2), {}}, timeout{std::chrono::seconds(1), {}};
  Given<std::uint64_t> rise{2, {}}, fall{3, {}};
  bool operator==(const HealthCheckSpec&) const = default;
};
struct EjectionSpec {
  Given<bool> enabled{true, {}};
  Given<std::uint64_t> consecutive_failures{5, {}};
  Given<Share> failure_ratio{{50'000}, {}};
  Given<std::uint64_t> latency_factor{3, {}}, min_requests{20, {}};
  Given<Nanos> window{std::chrono::seconds(10), {}}, time{std::chrono::seconds(30), {}},
      max_time{std::chrono::seconds(300), {}};
  Given<Share> max_share{{50'000}, {}};
  bool operator==(const EjectionSpec&) const = default;
};
struct BreakerSpec {
  Given<std::uint64_t> max_in_flight, max_in_flight_per_endpoint;
  Given<Share> failure_ratio;
  Given<std::uint64_t> min_requests{20, {}};
  Given<Nanos> window{std::chrono::seconds(10), {}}, open{std::chrono::seconds(5), {}},
      max_open{std::chrono::seconds(60), {}};
  Given<std::uint64_t> probes{3, {}};
  bool operator==(const BreakerSpec&) const = default;
};
struct AdaptiveLimitSpec {
  Given<bool> enabled{true, {}};
  Given<std::uint64_t> min{8, {}}, max{10'000, {}};
  Given<Share> tolerance{{50'000}, {}};
  bool operator==(const AdaptiveLimitSpec&) const = default;
};
struct UpstreamSpec {
  Given<Name> name;
  Given<List<EndpointSpec>> endpoints;
  Given<BalanceKind> balance;
  Given<HashSpec> hash;
  Given<HealthCheckSpec> health_check;
  Given<EjectionSpec> ejection;
  Given<std::optional<Nanos>> slow_start{std::chrono::seconds(10), {}};
  Given<Share> panic_below{{50'000}, {}};
  Given<BreakerSpec> breaker;
  Given<AdaptiveLimitSpec> adaptive_limit;
  Given<bool> late_probe{true, {}};
  Given<HeaderName> version_header;
  bool operator==(const UpstreamSpec&) const = default;
};

struct FieldMatchSpec {  // a header or a query
  Given<HeaderName> name;
  Given<HeaderValue> value;
  bool operator==(const FieldMatchSpec&) const = default;
};
struct QueryMatchSpec {
  Given<QueryName> name;
  Given<HeaderValue> value;
  bool operator==(const QueryMatchSpec&) const = default;
};
struct MatchSpec {
  Given<List<HostPattern>> hosts;
  Given<PathPattern> path;
  Given<List<Method>> methods;
  Given<List<FieldMatchSpec>> headers;
  Given<List<QueryMatchSpec>> query;
  bool operator==(const MatchSpec&) const = default;
};
struct SplitSpec {
  Given<UpstreamRef> upstream;
  Given<std::uint64_t> weight;
  Given<SplitArm> arm;
  bool operator==(const SplitSpec&) const = default;
};
struct RewriteSpec {
  Given<Path> prefix, path;
  Given<HostPattern> host;
  bool operator==(const RewriteSpec&) const = default;
};
enum class Scheme : std::uint8_t { http, https };
struct RedirectSpec {
  Given<std::uint64_t> status{302, {}};
  Given<Scheme> scheme;
  Given<HostPattern> host;
  Given<std::uint64_t> port;
  Given<Path> prefix, path;
  bool operator==(const RedirectSpec&) const = default;
};
struct RespondSpec {
  Given<std::uint64_t> status{200, {}};
  Given<HeaderValue> content_type{{"text/plain; charset=utf-8"}, {}};
  Given<FreeText> body;
  bool operator==(const RespondSpec&) const = default;
};
struct HeaderMap {
  std::vector<std::pair<Given<HeaderName>, Given<HeaderValue>>> entries;
  bool operator==(const HeaderMap&) const = default;
};
struct HeadersSpec {
  Given<HeaderMap> set, add;
  Given<List<HeaderName>> remove;
  bool operator==(const HeadersSpec&) const = default;
};
struct AuthCacheSpec {
  Given<Nanos> ttl;
  Given<std::uint64_t> max{10'000, {}};
  bool operator==(const AuthCacheSpec&) const = default;
};
struct ExternalAuthSpec {
  Given<UpstreamRef> upstream;
  Given<Path> path{{"/"}, {}};
  Given<Nanos> timeout{std::chrono::seconds(1), {}};
  Given<ExternalAuth::OnFailure> on_failure;
  Given<List<HeaderName>> headers;  // left out: Authorization, Cookie, X-Api-Key
  Given<List<HeaderName>> take;
  Given<AuthCacheSpec> cache;
  bool operator==(const ExternalAuthSpec&) const = default;
};
struct AuthSpec {
  Given<List<IdentityRef>> require;
  Given<ExternalAuthSpec> external;
  bool operator==(const AuthSpec&) const = default;
};
struct RouteTimeoutsSpec {  // each key left out is that of `defaults`
  Given<Nanos> connect;
  Given<std::optional<Nanos>> response, idle, total;
  bool operator==(const RouteTimeoutsSpec&) const = default;
};
enum class SlashPolicy : std::uint8_t { refuse, keep };
struct RouteSpec {
  Given<Name> name;
  Given<MatchSpec> match;
  Given<UpstreamRef> upstream;
  Given<List<SplitSpec>> split;
  Given<RewriteSpec> rewrite;
  Given<RedirectSpec> redirect;
  Given<RespondSpec> respond;
  Given<HeadersSpec> request_headers, response_headers;
  Given<AuthSpec> auth;
  Given<RouteTimeoutsSpec> timeouts;
  Given<RetrySpec> retry;
  Given<List<LimitRef>> limits, concurrency;
  Given<Priority> priority{Priority::normal, {}};
  Given<SlashPolicy> encoded_slash;
  bool operator==(const RouteSpec&) const = default;
};

struct LoopSpec {
  Given<std::uint64_t> depth{8, {}};
  bool operator==(const LoopSpec&) const = default;
};
struct DeadlineSpec {
  Given<HeaderName> header;
  bool operator==(const DeadlineSpec&) const = default;
};
struct RefusalsSpec {
  Given<RefusalDetail> detail;
  bool operator==(const RefusalsSpec&) const = default;
};
struct RecordSpec {
  Given<bool> enabled{true, {}};
  Given<List<KeyPartSpec>> watch;  // header:NAME and query:NAME only
  Given<Paths> paths{Paths::classes, {}};
  Given<AddressDetail> addresses{AddressDetail::full, {}};
  Given<Nanos> keep{std::chrono::hours(7 * 24), {}};
  Given<Bytes> max_bytes{2048_MiB, {}};
  bool operator==(const RecordSpec&) const = default;
};

struct HarmBudgetSpec {
  Given<std::uint64_t> known_callers;
  Given<Share> requests{{100}, {}};
  bool operator==(const HarmBudgetSpec&) const = default;
};
struct CanaryStepSpec {
  Share share;
  Nanos time{0};
  bool operator==(const CanaryStepSpec&) const = default;
};
struct CanarySpec {
  List<CanaryStepSpec> steps{{{{1'000}, std::chrono::minutes(2)}, {}}, {{{5'000}, std::chrono::minutes(5)}, {}}, {{{25'000}, std::chrono::minutes(5)}, {}}};
  bool operator==(const CanarySpec&) const = default;
};
struct RolloutSpec {
  Given<std::optional<Nanos>> shadow{std::chrono::minutes(2), {}};
  Given<CanarySpec> canary;
  Given<std::optional<Nanos>> watch{std::chrono::minutes(60), {}};
  Given<Nanos> max_hold{std::chrono::minutes(15), {}};
  Given<RolloutRules::OnNotEnoughData> on_not_enough_data;
  Given<HarmBudgetSpec> harm_budget;
  Given<RolloutRules::Busy> busy;
  bool operator==(const RolloutSpec&) const = default;
};

struct OverloadSpec {
  Given<bool> enabled{true, {}};
  Given<Bytes> memory;
  Given<Share> from{{85'000}, {}};
  Given<Nanos> queue_delay{std::chrono::milliseconds(5), {}};
  bool operator==(const OverloadSpec&) const = default;
};

struct DnsSpec {
  Given<List<SocketAddress>> servers;
  Given<Nanos> min_ttl{std::chrono::seconds(1), {}}, max_ttl{std::chrono::minutes(5), {}};
  bool operator==(const DnsSpec&) const = default;
};

struct Spec {
  Given<std::uint64_t> version;
  Given<List<ListenerSpec>> listeners;
  Given<AdminSpec> admin;
  Given<FilePath> data_dir;
  Given<DefaultsSpec> defaults;
  Given<List<IdentitySpec>> identity;
  Given<List<LimitSpec>> limits;
  Given<List<ConcurrencySpec>> concurrency;
  Given<List<UpstreamSpec>> upstreams;
  Given<List<RouteSpec>> routes;
  Given<LogPath> access_log{{"off"}, {}};
  Given<RefusalsSpec> refusals;
  Given<RateLimitFields> rate_limit_fields;
  Given<LoopSpec> loop;
  Given<DeadlineSpec> deadline;
  Given<DnsSpec> dns;
  Given<OverloadSpec> overload;
  Given<RecordSpec> record;
  Given<RolloutSpec> rollout;
  Given<std::uint64_t> workers;
  Given<Nanos> drain{std::chrono::seconds(30), {}};
  Given<Token> via_name{{"weir"}, {}};
  bool operator==(const Spec&) const = default;
};

}  // namespace weir::config
