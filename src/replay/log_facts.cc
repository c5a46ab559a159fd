#include "replay/log_facts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>

#include "base/fingerprint.h"
#include "decide/client.h"
#include "decide/identity.h"
#include "decide/route.h"
#include "http/canonical.h"
#include "http/query.h"

namespace weir::replay {
namespace {

using foreign::FactKind;
using foreign::LogEntry;
using foreign::RequestForm;

// Beyond so many, that a route asks for what was not recorded is enough: nothing is said about the
// request.
constexpr std::size_t kMostTried = 64;

std::optional<std::uint8_t> map_of(const foreign::FieldMaps& fields, FactKind kind,
                                   std::string_view name, bool any_case) {
  const auto same = [&](const std::string& given) {
    if (!any_case) return given == name;
    return std::ranges::equal(
        given, name, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
  };
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].kind == kind && same(fields[i].name)) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

const foreign::MappedFact* mapped(const LogEntry& entry, std::uint8_t map) {
  const auto found = std::ranges::find(entry.mapped, map, &foreign::MappedFact::map);
  return found == entry.mapped.end() ? nullptr : &*found;
}

WatchedValue text_or_absent(std::string_view text) {
  if (text.empty()) return {};
  return {.state = WatchedValue::State::text, .text = text};
}

bool is_past(decide::RouteFit fit) {  // beyond host, path and method
  return fit != decide::RouteFit::host && fit != decide::RouteFit::path &&
         fit != decide::RouteFit::method;
}

}  // namespace

Address made_up_address(std::string_view client, HashKey seed) {
  const std::uint64_t hashed = keyed_hash(seed, client);
  Address made{.family = Address::Family::v6, .bytes = {0xfd}};
  std::memcpy(made.bytes.data() + 1, &hashed,
              7);  // within the first 64 bits, by which IPv6 callers are told apart
  return made;
}

LogCaller caller_of(const LogEntry& entry, const Address& client, const foreign::FieldMaps& fields,
                    HashKey seed) {
  LogCaller caller;
  for (const foreign::MappedFact& fact : entry.mapped) {
    if (!fact.given || fact.value.empty() || fields[fact.map].kind != FactKind::identity) continue;
    caller.name = fact.value;
    caller.hash = mix(keyed_hash(seed, fact.value) + fact.map);
    return caller;
  }
  if (!entry.address) {
    caller.name = entry.client;
    caller.hash = keyed_hash(seed, entry.client);
    return caller;
  }
  caller.by_address = true;
  caller.address = decide::caller_address(client);
  std::array<std::uint64_t, 3> words{static_cast<std::uint64_t>(caller.address.family), 0, 0};
  std::memcpy(&words[1], caller.address.bytes.data(), 16);
  caller.hash = keyed_hash(seed, std::span<const std::uint64_t>(words));
  return caller;
}

LogFacts::LogFacts(const Policy& policy, const NameTable& names, const LogAssumptions& assumptions,
                   HashKey seed)
    : policy_(policy), assumptions_(assumptions), seed_(seed), clients_(policy, seed, std::size_t{1} << 16) {
  if (!assumptions.host.empty()) {
    std::string storage;
    assumed_host_ = http::canonical_host(assumptions.host, storage).host;
  }
  for (const std::string& name : policy.watched_headers) {
    Source source;
    if (const auto map = map_of(assumptions.fields, FactKind::header, name, true)) {
      source = {.kind = Source::Kind::mapped, .map = *map};
    } else if (name == "user-agent") {
      source.kind = Source::Kind::agent;
    } else if (name == "referer") {
      source.kind = Source::Kind::referer;
    } else if (name == "host") {
      source.kind = Source::Kind::host;
    } else if (name == "x-forwarded-for") {
      source.kind = Source::Kind::forwarded_for;
    }
    headers_from_.push_back(source);
  }
  for (const std::string& name : policy.watched_queries) {
    const auto map = map_of(assumptions.fields, FactKind::query, name, false);
    queries_from_.push_back(map ? Source{.kind = Source::Kind::mapped, .map = *map} : Source{});
  }
  for (std::size_t i = 0; i < policy.routes.size(); ++i) {
    const RouteMatch& match = policy.routes[i].match;
    const RouteId id{static_cast<std::uint32_t>(i)};
    if (!match.hosts.empty()) with_hosts_.push_back(id);
    if (!match.headers.empty() || !match.queries.empty()) with_values_.push_back(id);
  }
  std::set<std::size_t> headers, queries;
  for (const RouteId id : with_values_) {
    const RouteMatch& match = policy.routes[id.index()].match;
    for (const HeaderMatch& header : match.headers) headers.insert(header.watched);
    for (const HeaderMatch& query : match.queries) queries.insert(query.watched);
  }
  deciding_headers_.assign(headers.begin(), headers.end());
  deciding_queries_.assign(queries.begin(), queries.end());
  for (Room& room : rooms_) {
    room.headers.resize(policy.watched_headers.size());
    room.queries.resize(policy.watched_queries.size());
    room.evidence.resize(policy.identities.size());
  }
  for (const IdentityRule& rule : policy.identities) {
    const std::string_view name = names.text(rule.name);
    const bool redefined =
        std::ranges::find(assumptions.redefined, name) != assumptions.redefined.end();
    evidence_from_.push_back(
        redefined ? std::nullopt : map_of(assumptions.fields, FactKind::identity, name, false));
  }
}

// Where a value decides about routes it has to be found first.
LogFacts::Asked LogFacts::ask(const LogEntry& entry) const {
  Asked asked{.mark = entry.target.find('?')};
  if (with_values_.empty()) asked.print = print_of(entry, asked.path(entry), {});
  return asked;
}

LogFacts::Asked LogFacts::expect_known(const LogEntry& entry) const {
  const Asked asked = ask(entry);
  if (entry.address) clients_.expect(*entry.address);
  if (asked.print != 0) known_.expect(asked.print);
  return asked;
}

void LogFacts::expect_route(const LogEntry& entry, const Asked& asked) const {
  if (asked.print != 0 && known_.find(asked.print) == nullptr) decide::expect_path(policy_, asked.path(entry));
}

Rebuilt LogFacts::rebuild(const LogEntry& entry) {
  Rebuilt rebuilt;
  rebuild(entry, ask(entry), rebuilt);
  return rebuilt;
}

void LogFacts::rebuild(const LogEntry& entry, Asked asked, Rebuilt& out) {
  Room& room = rooms_[next_room_++ % kKept];
  out = Rebuilt();
  Facts& facts = out.facts;
  const std::string_view path = asked.path(entry);
  if (asked.mark != std::string_view::npos) facts.query = entry.target.substr(asked.mark + 1);
  find_values(entry, facts, room);
  if (asked.print == 0) asked.print = print_of(entry, path, facts);
  const Known& known = this->known(entry, asked, facts, room);
  out.is_odd = known.odd;
  if (known.odd && !facts.query.empty()) {  // nothing was asked for
    facts.query = {};
    find_values(entry, facts, room);
  }
  if (!known.odd && known.path_as_logged && known.host_as_logged) {
    facts.method = entry.method;
    facts.host = entry.host.empty() ? std::string_view(assumed_host_) : entry.host;
    facts.path = path;
  } else {
    find_request(entry, path, facts, room);
  }
  facts.encoded_slash = known.encoded_slash;
  out.routed = known.routed;
  out.why = known.why;
  find_client(entry, out);
  find_evidence(entry, out, room);
}

std::uint64_t LogFacts::print_of(const LogEntry& entry, std::string_view path, const Facts& values) const {
  Fingerprint print(seed_);
  print.add(static_cast<std::uint64_t>(entry.form));
  print.add(entry.method);
  print.add(entry.host);
  print.add(path);
  const auto add_value = [&](const WatchedValue& value) {
    print.add(static_cast<std::uint64_t>(value.state));
    print.add(value.text);
  };
  for (const std::size_t i : deciding_headers_) add_value(values.headers[i]);
  for (const std::size_t i : deciding_queries_) add_value(values.queries[i]);
  return std::rotr(print.value(), 1);  // its lowest bit is always set
}

// Logs name the same things over and over: the route and what is not known about it are worked out
// once.
const LogFacts::Known& LogFacts::known(const LogEntry& entry, const Asked& asked, const Facts& values, Room& room) {
  if (const Known* const found = known_.find(asked.print)) return *found;
  const std::string_view path = asked.path(entry);
  Facts facts = values;
  const bool odd = !find_request(entry, path, facts, room);
  if (odd) {
    facts.query = {};
    find_values(entry, facts, room);
  }
  return known_.put(asked.print, {.routed = decide::match_route(policy_, facts, seed_),
                            .why = facts.host.empty() && host_decides(facts) ? Unjudged::host
                                   : value_decides(facts)                    ? Unjudged::value
                                                                             : Unjudged::none,
                            .encoded_slash = facts.encoded_slash,
                            .odd = odd,
                            .host_as_logged = entry.host.empty() || facts.host == entry.host,
                            .path_as_logged = facts.path == path});
}

// False: it is odd.
bool LogFacts::find_request(const LogEntry& entry, std::string_view path, Facts& facts, Room& room) {
  facts.path = "/";
  facts.host = host_of(entry, room);
  const bool has_target = entry.form != RequestForm::none && entry.form != RequestForm::not_http &&
                          !entry.target.empty();
  if (!has_target) return false;
  const auto canonical = http::canonical_path(path, http::EncodedSlash::keep, room.path);
  if (canonical.violation != http::Violation::none) return false;
  facts.method = entry.method;
  facts.path = canonical.path;
  facts.encoded_slash = facts.path.find("%2F") != std::string_view::npos;
  return true;
}

std::string_view LogFacts::host_of(const LogEntry& entry, Room& room) const {
  const std::string_view host =
      entry.host.empty() ? std::string_view() : http::canonical_host(entry.host, room.host).host;
  return host.empty() ? std::string_view(assumed_host_) : host;
}

void LogFacts::find_client(const LogEntry& entry, Rebuilt& rebuilt) {
  Address& address = rebuilt.facts.client;
  if (!entry.address) {
    address = made_up_address(entry.client, seed_);
    rebuilt.address = AddressDetail::keyed;
  } else if (address = *entry.address; !entry.forwarded_for.empty() && !policy_.listeners.empty()) {
    const std::string_view values[] = {entry.forwarded_for};
    address = decide::client_address(*entry.address, values, policy_.listeners[0].trusted_proxies);
  }
  rebuilt.client = clients_.of(address);
}

void LogFacts::find_values(const LogEntry& entry, Facts& facts, Room& room) {
  for (std::size_t i = 0; i < room.headers.size(); ++i) room.headers[i] = value(headers_from_[i], entry);
  for (std::size_t i = 0; i < room.queries.size(); ++i) {
    if (queries_from_[i].kind == Source::Kind::mapped) {
      room.queries[i] = value(queries_from_[i], entry);
    } else {
      const auto given = http::query_value(facts.query, policy_.watched_queries[i]);
      room.queries[i] =
          given ? WatchedValue{.state = WatchedValue::State::text, .text = *given} : WatchedValue{};
    }
  }
  facts.headers = room.headers;
  facts.queries = room.queries;
}

WatchedValue LogFacts::value(const Source& source, const LogEntry& entry) const {
  const WatchedValue unrecorded{.state = WatchedValue::State::unrecorded};
  switch (source.kind) {
    case Source::Kind::unrecorded:
      return unrecorded;
    // A format with the field says "-" for none, one without it says nothing; both come as "". Only
    // the first line could tell them apart, so "" is what was not recorded.
    case Source::Kind::agent:
      return entry.agent.empty() ? unrecorded : text_or_absent(entry.agent);
    case Source::Kind::referer:
      return entry.referer.empty() ? unrecorded : text_or_absent(entry.referer);
    case Source::Kind::host:
      return entry.host.empty() ? unrecorded : text_or_absent(entry.host);
    case Source::Kind::forwarded_for:
      return entry.forwarded_for.empty() ? unrecorded : text_or_absent(entry.forwarded_for);
    case Source::Kind::mapped:
      break;
  }
  const foreign::MappedFact* const fact = mapped(entry, source.map);
  if (fact == nullptr) return unrecorded;
  return fact->given ? WatchedValue{.state = WatchedValue::State::text, .text = fact->value}
                     : WatchedValue{};
}

// A rule that is not mapped is taken as absent where another one named the caller; else nothing is
// known.
void LogFacts::find_evidence(const LogEntry& entry, Rebuilt& rebuilt, Room& room) {
  bool named = false, unknown = false;
  for (std::size_t i = 0; i < room.evidence.size(); ++i) {
    Evidence& evidence = room.evidence[i] = {};
    const foreign::MappedFact* const fact =
        evidence_from_[i] ? mapped(entry, *evidence_from_[i]) : nullptr;
    if (fact == nullptr) {
      unknown = true;
      continue;
    }
    if (!fact->given || fact->value.empty()) continue;
    named = true;
    evidence = {.result = EvidenceResult::valid, .subject = fact->value};
    if (assumptions_.groups)
      evidence.groups =
          assumptions_.groups(IdentityId{static_cast<std::uint16_t>(i)}, fact->value);
  }
  rebuilt.evidence_known = named || !unknown;
  rebuilt.evidence = room.evidence;
}

bool LogFacts::host_decides(const Facts& facts) const {
  if (with_hosts_.size() > kMostTried) return true;
  return std::ranges::any_of(with_hosts_, [&](RouteId id) {
    std::string host = policy_.routes[id.index()].match.hosts.front();
    if (host.starts_with('*')) host[0] = 'x';  // a name that the pattern means
    Facts possible = facts;
    possible.host = host;
    return is_past(decide::fit_of(policy_, id, possible, seed_).fit);
  });
}

bool LogFacts::value_decides(const Facts& facts) const {
  if (with_values_.empty()) return false;
  const auto unrecorded = [](const WatchedValue& each) {
    return each.state == WatchedValue::State::unrecorded;
  };
  if (std::ranges::none_of(facts.headers, unrecorded) && std::ranges::none_of(facts.queries, unrecorded))
    return false;
  if (with_values_.size() > kMostTried) return true;
  return std::ranges::any_of(with_values_, [&](RouteId id) {
    return decide::fit_of(policy_, id, facts, seed_).unrecorded;
  });
}

}  // namespace weir::replay
