#include "replay/rebuild.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "decide/identity.h"
#include "decide/learned.h"
#include "decide/route.h"
#include "record/shape.h"

namespace weir::replay {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);   // '/'
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

std::optional<SegmentClass> class_of(std::string_view recorded) {
  if (recorded.size() != 1 || recorded[0] < static_cast<char>(SegmentClass::number) ||
      recorded[0] > static_cast<char>(SegmentClass::rest)) {
    return std::nullopt;
  }
  return static_cast<SegmentClass>(recorded[0]);
}

// A path that the route names and that the recorded one could have been; nothing where there is none.
std::optional<std::string> possible_path(const RouteMatch& match, std::string_view recorded,
                                         const record::Literals& kept) {
  const std::vector<std::string_view> have = segments_of(recorded);
  std::vector<std::string_view> want = segments_of(match.path);
  const bool prefix = match.path_kind == RouteMatch::PathKind::prefix;
  if (prefix && !want.empty() && want.back().empty()) want.pop_back();
  std::string path;
  bool replaced = false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (i >= have.size()) return std::nullopt;
    const auto kind = class_of(have[i]);
    if (kind == SegmentClass::rest) return match.path;   // anything may have followed
    if (kind ? !record::could_have_been(*kind, want[i], kept) : have[i] != want[i]) return std::nullopt;
    replaced = replaced || kind.has_value();
    path += '/';
    path += want[i];
  }
  if (!replaced || (!prefix && want.size() != have.size())) return std::nullopt;
  return path;
}

std::uint64_t join(std::uint64_t a, std::uint64_t b) { return mix(a) ^ b; }

bool has_name(const std::vector<std::string>& sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name, std::less<>());
}

const WatchedShape* find_watched(const HeadShape& head, WatchedShape::Where where, std::string_view name) {
  const auto found = std::ranges::find_if(head.watched, [&](const WatchedShape& watched) {
    return watched.where == where && watched.name == name;
  });
  return found == head.watched.end() ? nullptr : &*found;
}

// Of a log that was imported: a line that is no request has no method.
bool is_odd(const Facts& facts) { return facts.method.empty(); }

// Marks of a loop may have come, and how often the request had been here was not written down.
bool hops_lost(bool marked, Unjudged why, const record::RecordedArrival& arrival) {
  return marked && !arrival.hops_known && why == Unjudged::none;
}

}  // namespace

Rebuilder::Rebuilder(const Policy& policy, const NameTable& names, const record::Recording& recording, HashKey seed)
    : policy_(policy), names_(names), recording_(recording), seed_(seed), hash_client_(policy, seed),
      matched_headers_(policy.watched_headers.size()), matched_queries_(policy.watched_queries.size()) {
  for (const Route& route : policy.routes) {
    for (const HeaderMatch& match : route.match.headers) matched_headers_.at(match.watched) = true;
    for (const HeaderMatch& match : route.match.queries) matched_queries_.at(match.watched) = true;
  }
}

Rebuilt Rebuilder::rebuild(const record::RecordedArrival& arrival) {
  Rebuilt rebuilt;
  rebuild(arrival, key_of(arrival), rebuilt);
  return rebuilt;
}

void Rebuilder::rebuild(std::span<const record::RecordedArrival> arrivals, std::span<Rebuilt> out) {
  std::array<std::uint64_t, kBatch> keys;
  WEIR_CHECK(arrivals.size() <= keys.size());
  for (std::size_t i = 0; i < arrivals.size(); ++i) keys[i] = key_of(arrivals[i]);
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (i + kFar < arrivals.size()) expect(arrivals[i + kFar], keys[i + kFar]);
    if (i + kNear < arrivals.size()) expect_request(keys[i + kNear]);
    out[i] = Rebuilt();
    rebuild(arrivals[i], keys[i], out[i]);
  }
}

// `out` is empty.
void Rebuilder::rebuild(const record::RecordedArrival& arrival, std::uint64_t key, Rebuilt& out) {
  if (arrival.target == 0) {
    out.why = Unjudged::no_facts;
    return;
  }
  if (generation_ != recording_.generation) forget();
  facts(arrival, key, out);
  const Client* const client = this->client(arrival);
  if (client == nullptr) {
    out.why = Unjudged::shape_lost;
    return;
  }
  out.facts.client = client->address;
  out.client = client->keys;
  out.facts.hops = arrival.hops;
  if (decide::is_admission(arrival.cause)) out.carried = carried(arrival);
  out.asked_auth = arrival.asks;
  out.address = client->detail;
  const Caller& caller = this->caller(arrival);
  out.evidence_known = caller.known;
  out.evidence = caller.evidence;
}

void Rebuilder::facts(const record::RecordedArrival& arrival, std::uint64_t key, Rebuilt& out) {
  const Gist* const gist = near_requests_.find(key);
  if (gist != nullptr && gist->enough) {
    out.why = gist->why;
    out.facts.listener = gist->listener;
    out.facts.protocol = gist->protocol;
    out.facts.encoded_slash = gist->encoded_slash;
    out.routed = decide::Matched{.route = gist->route, .cause = gist->cause};
    bring_values(arrival, *gist, out.facts);
    if (hops_lost(gist->marked, out.why, arrival)) out.why = Unjudged::hops;
    return;
  }
  const Request& request = this->request(arrival, key);
  out.why = request.why;
  out.facts = request.facts;
  out.routed = request.routed;
  out.is_odd = is_odd(out.facts);
  if (!request.from_arrival.empty()) take_values(arrival, request, out.facts);
  if (hops_lost(request.marked, out.why, arrival)) out.why = Unjudged::hops;
}

// A limit on requests at once is the one of the same name, and so is what the gateway was short of.
decide::Carried Rebuilder::carried(const record::RecordedArrival& arrival) const {
  const std::string_view rule = recording_.names.text(arrival.rule);
  if (arrival.cause == Cause::gateway_overloaded) {
    const auto& all = policy_.overload.names;
    const auto same = std::ranges::find_if(all, [&](NameId name) { return names_.text(name) == rule; });
    return {.cause = arrival.cause, .rule = same == all.end() ? NameId::none() : *same};
  }
  const auto same = std::ranges::find_if(policy_.concurrency_limits, [&](const ConcurrencyLimit& limit) { return names_.text(limit.name) == rule; });
  return {.cause = arrival.cause, .rule = same == policy_.concurrency_limits.end() ? NameId::none() : same->name};
}

Rebuilder::Values& Rebuilder::next_values() {
  if (values_.size() < kKept) values_.resize(kKept);
  return values_[next_values_++ % kKept];
}

// None: some are of the shape, or there are too many.
std::optional<std::uint32_t> Rebuilder::places_of(const Request& request) const {
  if (request.headers.size() + request.queries.size() > kBrought) return std::nullopt;
  std::uint32_t places = 0;
  std::size_t of_the_shape = 0;
  for (const auto* const values : {&request.headers, &request.queries}) {
    of_the_shape += static_cast<std::size_t>(std::ranges::count_if(*values, [](const WatchedValue& value) { return value.state != WatchedValue::State::absent; }));
  }
  for (const Request::FromArrival& value : request.from_arrival) {
    const WatchedValue& as_recorded = (value.query ? request.queries : request.headers)[value.index];
    if (as_recorded.state != WatchedValue::State::digest) return std::nullopt;
    places |= (value.place + 1u) << (4 * ((value.query ? request.headers.size() : 0) + value.index));
    --of_the_shape;
  }
  return of_the_shape == 0 ? std::optional(places) : std::nullopt;
}

void Rebuilder::bring_values(const record::RecordedArrival& arrival, const Gist& gist, Facts& facts) {
  const std::size_t headers = policy_.watched_headers.size(), queries = policy_.watched_queries.size();
  if (headers + queries == 0) return;
  Values& values = next_values();
  values.headers.resize(headers);
  values.queries.resize(queries);
  for (std::size_t i = 0; i < headers + queries; ++i) {
    WatchedValue& value = i < headers ? values.headers[i] : values.queries[i - headers];
    const std::uint32_t place = gist.places >> (4 * i) & 15;
    value = place == 0 ? WatchedValue{} : WatchedValue{.state = WatchedValue::State::digest, .digest = arrival.values[place - 1]};
  }
  facts.headers = values.headers;
  facts.queries = values.queries;
}

// What a request of the same shapes brings takes its place in the kept facts; those of this one stay for some batches.
void Rebuilder::take_values(const record::RecordedArrival& arrival, const Request& request, Facts& facts) {
  Values& values = next_values();
  values.headers = request.headers;
  values.queries = request.queries;
  for (const Request::FromArrival& value : request.from_arrival) {
    (value.query ? values.queries : values.headers)[value.index].digest = arrival.values[value.place];
  }
  facts.headers = values.headers;
  facts.queries = values.queries;
}

// What was handed out stays, and its views with it, until as many have come once more.
void Rebuilder::forget() {
  requests_before_ = std::exchange(requests_, {});
  callers_before_ = std::exchange(callers_, {});
  near_requests_.clear();
  near_clients_.clear();
  kept_.clear();
  generation_ = recording_.generation;
}

std::uint64_t Rebuilder::key_of(const record::RecordedArrival& arrival) {
  const std::uint64_t under = std::uint64_t{arrival.run} << 32 | arrival.revision;
  return join(join(arrival.target, arrival.head), under);
}

void Rebuilder::expect_request(std::uint64_t key) const {
  const Gist* const gist = near_requests_.find(key);
  if (gist == nullptr) return;
  if (!gist->enough) __builtin_prefetch(gist->request);
}

Rebuilder::Request& Rebuilder::find_request(std::uint64_t key, bool& fresh) {
  if (const Gist* const gist = near_requests_.find(key)) return *gist->request;
  if (requests_.size() == kMost && !requests_.contains(key)) {
    requests_before_ = std::exchange(requests_, {});
    near_requests_.clear();
  }
  std::unique_ptr<Request>& kept = requests_[key];
  fresh = kept == nullptr;
  if (fresh) kept = std::make_unique<Request>();
  return *kept;
}

const Rebuilder::Request& Rebuilder::request(const record::RecordedArrival& arrival, std::uint64_t key) {
  bool fresh = false;
  Request& request = find_request(key, fresh);
  const auto keep_gist = [&] {
    const bool whole = request.each_anew || !request.routed || is_odd(request.facts);
    const auto places = whole ? std::nullopt : places_of(request);
    const decide::Matched routed = request.routed.value_or(decide::Matched());
    near_requests_.put(key, {.request = &request, .route = routed.route, .places = places.value_or(0),
                             .listener = request.facts.listener, .cause = routed.cause, .protocol = request.facts.protocol,
                             .why = request.why, .encoded_slash = request.facts.encoded_slash, .marked = request.marked,
                             .enough = places.has_value()});
  };
  if (!fresh && !request.each_anew) {
    if (near_requests_.find(key) == nullptr) keep_gist();
    return request;
  }

  const TargetShape* const target = recording_.shape<TargetShape>(arrival.target);
  const HeadShape* const head = recording_.shape<HeadShape>(arrival.head);
  if (target == nullptr || head == nullptr) {
    if (fresh) requests_.erase(key);   // the shape may come again
    return lost_;
  }
  if (fresh) build(*target, *head, request);
  for (const Request::FromArrival& value : request.from_arrival) {
    (value.query ? request.queries : request.headers)[value.index].digest = arrival.values[value.place];
  }
  request.why = judge(*target, request, arrival);
  const auto asked_for = [&](const Request::FromArrival& value) { return routes_ask_for(value); };
  if (fresh && std::ranges::none_of(request.from_arrival, asked_for)) {
    request.routed = decide::match_route(policy_, request.facts, seed_);
  }
  keep_gist();
  return request;
}

const Rebuilder::Client* Rebuilder::client(const Arrival& arrival) {
  if (const Client* const known = near_clients_.find(arrival.client)) return known;
  const ClientShape* const shape = recording_.shape<ClientShape>(arrival.client);
  if (shape == nullptr) return nullptr;
  return &near_clients_.put(arrival.client, {.address = shape->address, .detail = shape->detail,
                                             .keys = hash_client_(shape->address)});
}

void Rebuilder::build(const TargetShape& target, const HeadShape& head, Request& request) const {
  Facts& facts = request.facts;
  for (std::size_t i = 0; i < policy_.listeners.size(); ++i) {
    if (names_.text(policy_.listeners[i].name) == target.listener) facts.listener = ListenerId{static_cast<std::uint16_t>(i)};
  }
  facts.protocol = target.protocol;
  facts.method = target.method;
  facts.host = target.host;
  facts.path = target.path;
  facts.encoded_slash = target.encoded_slash;
  bool unrecorded = false;
  const auto fill = [&](std::vector<WatchedValue>& values, WatchedShape::Where where, std::string_view name, bool surely_absent) {
    const WatchedShape* const recorded = find_watched(head, where, name);
    if (recorded == nullptr) {
      values.push_back({.state = surely_absent ? WatchedValue::State::absent : WatchedValue::State::unrecorded});
      unrecorded = unrecorded || !surely_absent;
      return;
    }
    if (recorded->place) request.from_arrival.push_back({where == WatchedShape::Where::query, values.size(), *recorded->place});
    values.push_back({.state = recorded->state, .text = recorded->text, .digest = recorded->digest});
  };
  for (const std::string& name : policy_.watched_headers) {
    fill(request.headers, WatchedShape::Where::header, name, !head.more_names && !has_name(head.names, name));
  }
  for (const std::string& name : policy_.watched_queries) {
    fill(request.queries, WatchedShape::Where::query, name, !target.more_query_names && !has_name(target.query_names, name));
  }
  facts.headers = request.headers;
  facts.queries = request.queries;
  request.marked = head.more_names || has_name(head.names, "cdn-loop") || has_name(head.names, "via");
  const auto asked_for = [&](const Request::FromArrival& value) { return routes_ask_for(value); };
  request.each_anew = (target.generalised || unrecorded) && std::ranges::any_of(request.from_arrival, asked_for);
}

Unjudged Rebuilder::judge(const TargetShape& target, const Request& request, const record::RecordedArrival& arrival) {
  if (unrecorded_matters(request)) return Unjudged::value;
  if (target.generalised && path_is_open(target, request.facts, kept(arrival))) return Unjudged::path;
  return Unjudged::none;
}

bool Rebuilder::routes_ask_for(const Request::FromArrival& value) const {
  return (value.query ? matched_queries_ : matched_headers_)[value.index];
}

bool Rebuilder::unrecorded_matters(const Request& request) const {
  const auto unrecorded = [](const WatchedValue& value) { return value.state == WatchedValue::State::unrecorded; };
  if (std::ranges::none_of(request.headers, unrecorded) && std::ranges::none_of(request.queries, unrecorded)) return false;
  for (std::size_t i = 0; i < policy_.routes.size(); ++i) {
    const RouteMatch& match = policy_.routes[i].match;
    if (match.headers.empty() && match.queries.empty()) continue;
    if (decide::fit_of(policy_, RouteId{static_cast<std::uint32_t>(i)}, request.facts, seed_).unrecorded) return true;
  }
  return false;
}

bool Rebuilder::path_is_open(const TargetShape& target, const Facts& facts, const Kept& kept) const {
  const bool cut = target.path.ends_with(static_cast<char>(SegmentClass::rest));
  const auto is_open = [&](RouteId id) {
    const auto path = possible_path(policy_.routes[id.index()].match, target.path, kept.literals);
    if (!path) return false;
    Facts possible = facts;
    possible.path = *path;
    const decide::RouteFit fit = decide::fit_of(policy_, id, possible, seed_).fit;
    return fit != decide::RouteFit::host && fit != decide::RouteFit::path && fit != decide::RouteFit::method;
  };
  if (!cut) return std::ranges::any_of(kept.suspects, is_open);
  for (std::size_t i = 0; i < policy_.routes.size(); ++i) {
    if (is_open(RouteId{static_cast<std::uint32_t>(i)})) return true;
  }
  return false;
}

const Rebuilder::Kept& Rebuilder::kept(const record::RecordedArrival& arrival) {
  if (kept_.size() == kMost) kept_.clear();
  std::unique_ptr<Kept>& kept = kept_[{arrival.run, arrival.revision}];
  if (kept != nullptr) return *kept;
  kept = std::make_unique<Kept>();
  // A revision that was not recorded kept nothing that we know of: then every literal of ours is suspect.
  if (const record::RecordedPolicy* policy = recording_.policy(arrival.revision, arrival.run)) {
    kept->literals = record::Literals::of(policy->literals);
  }
  for (std::size_t i = 0; i < policy_.routes.size(); ++i) {
    const auto segments = segments_of(policy_.routes[i].match.path);
    const bool suspect = std::ranges::any_of(segments, [&](std::string_view segment) {
      return record::classify(segment).has_value() && !kept->literals.has(segment);
    });
    if (suspect) kept->suspects.push_back(RouteId{static_cast<std::uint32_t>(i)});
  }
  return *kept;
}

const Rebuilder::Caller& Rebuilder::caller(const Arrival& arrival) {
  if (policy_.identities.empty()) return nobody_;
  const std::uint64_t key = join(arrival.caller, arrival.head);
  if (callers_.size() == kMost && !callers_.contains(key)) callers_before_ = std::exchange(callers_, {});
  std::unique_ptr<Caller>& caller = callers_[key];
  if (caller != nullptr) return *caller;
  caller = std::make_unique<Caller>();
  const CallerShape* const recorded = recording_.shape<CallerShape>(arrival.caller);
  const HeadShape* const head = recording_.shape<HeadShape>(arrival.head);
  for (const IdentityRule& rule : policy_.identities) {
    const std::uint64_t definition = record::definition(rule);
    const IdentityShape* found = nullptr;
    for (std::size_t i = 0; recorded != nullptr && i < recorded->identities.size(); ++i) {
      if (recorded->identities[i].definition == definition) found = &recorded->identities[i];
    }
    Evidence& evidence = caller->evidence.emplace_back();
    if (found != nullptr) {
      evidence = {.result = found->result, .subject = found->subject, .groups = found->groups};
    } else if (head == nullptr || head->more_names || has_name(head->names, rule.header)) {
      caller->known = false;   // else: absent, because its header was
    }
  }
  return *caller;
}

const Conditions& ConditionsThen::of(const record::RecordedArrival& arrival) {
  const std::pair wanted(arrival.run, arrival.conditions);
  const bool current = generation_ == recording_.generation;
  if (current && last_found_ != nullptr && last_ == wanted) return *last_found_;
  if (!current || kept_.size() == kMost) before_ = std::exchange(kept_, {});
  generation_ = recording_.generation;
  const auto [at, fresh] = kept_.try_emplace(wanted);
  Conditions& conditions = at->second;
  last_ = wanted;
  last_found_ = &conditions;
  if (!fresh) return conditions;
  conditions = all_usable(policy_);
  conditions.number = arrival.conditions;
  const record::RecordedConditions* const recorded = recording_.condition(arrival.conditions, arrival.run);
  learn(conditions, recorded != nullptr && recorded->peaks != nullptr ? recorded->peaks : assumed_);
  if (recorded == nullptr) return conditions;
  for (std::size_t i = 0; i < policy_.endpoints.size(); ++i) {
    const std::uint64_t identity = policy_.endpoints[i].identity;
    conditions.endpoints[i].usable = std::ranges::find(recorded->unusable, identity) == recorded->unusable.end();
  }
  return conditions;
}

void ConditionsThen::learn(Conditions& conditions, std::shared_ptr<const CallerPeaks> peaks) {
  if (last_peaks_ != peaks) {
    learned_ = decide::learned_rates(policy_, peaks.get());
    last_peaks_ = std::move(peaks);
  }
  conditions.peaks = last_peaks_;
  conditions.learned = learned_;
}

RecordedCaller recorded_caller(const record::Recording& recording, const Arrival& arrival) {
  if (const CallerShape* caller = recording.shape<CallerShape>(arrival.caller)) {
    const auto valid = std::ranges::find(caller->identities, EvidenceResult::valid, &IdentityShape::result);
    if (valid != caller->identities.end()) return {.name = valid->subject, .by_address = false};
  }
  const ClientShape* const client = recording.shape<ClientShape>(arrival.client);
  return {.name = client == nullptr ? std::string() : to_string(decide::caller_address(client->address)), .by_address = true};
}

}  // namespace weir::replay
