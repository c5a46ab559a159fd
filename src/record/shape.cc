#include "record/shape.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/check.h"
#include "record/bytes.h"
#include "record/path_class.h"

namespace weir::record {
namespace {

constexpr std::size_t kMaxQueryName = 64, kMaxHeaderName = 64;
constexpr std::size_t kMaxWatchedText = 256, kMaxHost = 255, kMaxMethod = 32;

enum TargetFlags : std::uint8_t { kEncodedSlash = 4, kGeneralised = 8, kMoreQueryNames = 16 };   // below: protocol

// A sorted set of at most N views.
template <std::size_t N>
struct SmallSet {
  std::array<std::string_view, N> items;
  std::size_t size = 0;
  bool overflow = false;

  void add(std::string_view item) {
    const auto end = items.begin() + size;
    const auto place = std::lower_bound(items.begin(), end, item);
    if (place != end && *place == item) return;
    if (size == N) {
      overflow = true;
      return;
    }
    std::move_backward(place, end, end + 1);
    *place = item;
    ++size;
  }
};

// Names that a program chose: they begin like an identifier and do not look like an id themselves.
bool is_query_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxQueryName) return false;
  const auto first = static_cast<unsigned char>(name[0]);
  if (!((first | 0x20) >= 'a' && (first | 0x20) <= 'z') && first != '_') return false;
  const auto kind = classify(name);
  if (kind == SegmentClass::hex || kind == SegmentClass::uuid) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' || c == '.' ||
           c == '[' || c == ']';
  });
}

// Calls visit(name, keep) for the name of each pair of a query.
template <class Watched, class Visit>
void each_query_name(std::string_view query, const std::vector<Watched>& watched, Visit visit) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::string_view name = pair.substr(0, pair.find('='));
    if (name.empty()) continue;
    visit(name, is_query_name(name) || std::ranges::find(watched, name, &Watched::name) != watched.end());
  }
}

constexpr unsigned kInArrival = 4;   // as WatchedValue::State, of a digest that stands in the arrival

}  // namespace

template <class Visit>
void Shaper::each_watched(const Facts& facts, Visit visit) const {
  for (std::size_t i = 0; i < std::min(headers_.size(), facts.headers.size()); ++i) {
    visit(WatchedShape::Where::header, headers_[i], facts.headers[i]);
  }
  for (std::size_t i = 0; i < std::min(queries_.size(), facts.queries.size()); ++i) {
    visit(WatchedShape::Where::query, queries_[i], facts.queries[i]);
  }
}

// A value that some route matches exactly is kept as it is.
bool Shaper::is_text(const Watched& watched, const WatchedValue& value) {
  return value.state == WatchedValue::State::text && value.text.size() <= kMaxWatchedText &&
         std::binary_search(watched.exact.begin(), watched.exact.end(), value.text);
}

Shaper::Shaper(const Policy& policy, const NameTable& names, HashKey key)
    : key_(key), options_(policy.record.shapes), revision_(policy.revision), literals_(Literals::of(policy)) {
  for (const Listener& listener : policy.listeners) {
    listeners_.emplace_back(names.text(listener.name).substr(0, 128));
  }
  for (const std::string& name : policy.watched_headers) headers_.push_back({.name = name, .exact = {}});
  for (const std::string& name : policy.watched_queries) queries_.push_back({.name = name, .exact = {}});
  for (const Route& route : policy.routes) {
    for (const HeaderMatch& match : route.match.headers) {
      if (!match.present_only) headers_.at(match.watched).exact.push_back(match.value);
    }
    for (const HeaderMatch& match : route.match.queries) {
      if (!match.present_only) queries_.at(match.watched).exact.push_back(match.value);
    }
  }
  for (auto* list : {&headers_, &queries_}) {
    for (Watched& watched : *list) {
      std::ranges::sort(watched.exact);
      watched.exact.erase(std::ranges::unique(watched.exact).begin(), watched.exact.end());
    }
  }
  for (const IdentityRule& rule : policy.identities) {
    identities_.push_back({.rule = std::string(names.text(rule.name).substr(0, 128)), .definition = definition(rule)});
  }
}

std::size_t Shaper::target(const Facts& facts, std::span<std::byte> out) const {
  std::array<char, 1024> path;
  bool generalised = false;
  const std::size_t path_size = generalise(facts.path, literals_, options_.paths, path, generalised);
  SmallSet<kMaxQueryNames> names;
  each_query_name(facts.query, queries_, [&](std::string_view name, bool keep) {
    if (keep) names.add(name);
    else names.overflow = true;
  });

  ByteWriter writer(out);
  writer.byte(static_cast<std::uint8_t>(ShapeKind::target));
  writer.byte(static_cast<std::uint8_t>(static_cast<unsigned>(facts.protocol) | (facts.encoded_slash ? kEncodedSlash : 0u) |
                                        (generalised ? kGeneralised : 0u) | (names.overflow ? kMoreQueryNames : 0u)));
  const std::size_t listener = facts.listener.index();
  writer.string(listener < listeners_.size() ? std::string_view(listeners_[listener]) : std::string_view());
  writer.string(facts.method.substr(0, kMaxMethod));
  writer.string(facts.host.substr(0, kMaxHost));
  writer.string({path.data(), path_size});
  writer.varint(names.size);
  for (std::size_t i = 0; i < names.size; ++i) writer.string(names.items[i]);
  return writer.ok() ? writer.size() : 0;
}

std::size_t Shaper::head(const Facts& facts, std::span<const std::string_view> header_names,
                         std::span<std::byte> out) const {
  std::array<char, kMaxHeaderNames * kMaxHeaderName> lower;
  std::size_t used = 0;
  SmallSet<kMaxHeaderNames> names;
  for (const std::string_view name : header_names) {
    if (name.size() > kMaxHeaderName || used + name.size() > lower.size()) {
      names.overflow = true;
      continue;
    }
    char* const begin = lower.data() + used;
    std::transform(name.begin(), name.end(), begin, [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    used += name.size();
    names.add({begin, name.size()});
  }
  ByteWriter writer(out);
  writer.byte(static_cast<std::uint8_t>(ShapeKind::head));
  writer.byte(names.overflow ? 1 : 0);
  writer.varint(names.size);
  for (std::size_t i = 0; i < names.size; ++i) writer.string(names.items[i]);
  // What does not fit is left out and so unrecorded; the list ends where the bytes end.
  bool full = false;
  std::uint8_t place = 0;
  each_watched(facts, [&](WatchedShape::Where where, const Watched& watched, const WatchedValue& value) {
    full = full || writer.room() < watched.name.size() + kMaxWatchedText + 32;
    if (full) return;
    const bool text = is_text(watched, value), digest = !text && has_digest(value);
    const bool in_arrival = digest && place < Arrival::kValues;
    const unsigned state = in_arrival ? kInArrival
                         : digest     ? static_cast<unsigned>(WatchedValue::State::digest)
                                      : static_cast<unsigned>(value.state);
    writer.byte(static_cast<std::uint8_t>(static_cast<unsigned>(where) << 4 | state));
    writer.string(watched.name);
    if (text) writer.string(value.text);
    if (in_arrival) writer.byte(place++);
    else if (digest) writer.word(digest_of(value, key_));
  });
  return writer.ok() ? writer.size() : 0;
}

void Shaper::values(const Facts& facts, std::span<std::uint64_t, Arrival::kValues> out) const {
  std::size_t place = 0;
  each_watched(facts, [&](WatchedShape::Where, const Watched& watched, const WatchedValue& value) {
    if (place < out.size() && !is_text(watched, value) && has_digest(value)) out[place++] = digest_of(value, key_);
  });
}

// The revision is part of it: another policy keeps other literals and watches other values.
Fingerprint Shaper::fingerprint(ShapeKind kind) const {
  Fingerprint print(key_);
  print.add(static_cast<std::uint64_t>(kind) << 32 | revision_);
  return print;
}

std::uint64_t Shaper::target_fingerprint(const Facts& facts) const {
  std::array<char, kMaxShapePath> path;
  bool generalised = false;
  const std::size_t size = generalise(facts.path, literals_, options_.paths, path, generalised);
  Fingerprint print = fingerprint(ShapeKind::target);
  print.add(static_cast<std::uint64_t>(facts.listener.value) << 16 | static_cast<std::uint64_t>(facts.protocol) << 8 |
            (facts.encoded_slash ? 1u : 0u));
  print.add(facts.method);
  print.add(facts.host);
  print.add({path.data(), size});
  each_query_name(facts.query, queries_, [&](std::string_view name, bool keep) {
    if (keep) print.add(name);
    else print.add(std::uint64_t{1});
  });
  return print.value();
}

std::uint64_t Shaper::head_fingerprint(const Facts& facts, std::span<const std::string_view> header_names) const {
  Fingerprint print = fingerprint(ShapeKind::head);
  for (const std::string_view name : header_names) print.add(name);
  std::size_t digests = 0;
  each_watched(facts, [&](WatchedShape::Where, const Watched& watched, const WatchedValue& value) {
    print.add(static_cast<std::uint64_t>(has_digest(value) ? WatchedValue::State::digest : value.state));
    if (is_text(watched, value)) print.add(value.text);
    else if (has_digest(value) && ++digests > Arrival::kValues) print.add(digest_of(value, key_));
  });
  return print.value();
}

std::uint64_t Shaper::caller_fingerprint(std::span<const Evidence> evidence) const {
  Fingerprint print = fingerprint(ShapeKind::caller);
  for (const Evidence& one : evidence) {
    print.add(static_cast<std::uint64_t>(one.result) << 32 | one.groups.size());
    print.add(one.subject);
    for (const std::string& group : one.groups) print.add(group);
  }
  return print.value();
}

std::uint64_t Shaper::client_fingerprint(const Address& address) const {
  Fingerprint print = fingerprint(ShapeKind::client);
  print.add(static_cast<std::uint64_t>(address.family));
  print.add({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
  return print.value();
}

std::size_t Shaper::caller(std::span<const Evidence> evidence, std::span<std::byte> out) const {
  ByteWriter writer(out);
  writer.byte(static_cast<std::uint8_t>(ShapeKind::caller));
  const std::size_t count = std::min(evidence.size(), identities_.size());
  writer.varint(count);
  for (std::size_t i = 0; i < count; ++i) {
    writer.byte(static_cast<std::uint8_t>(evidence[i].result));
    writer.string(identities_[i].rule);
    writer.word(identities_[i].definition);
    writer.string(evidence[i].subject);
    writer.varint(evidence[i].groups.size());
    for (const std::string& group : evidence[i].groups) writer.string(group);
  }
  return writer.ok() ? writer.size() : 0;
}

std::size_t Shaper::client(const Address& address, std::span<std::byte> out) const {
  Address kept = address;
  const bool v4 = address.family == Address::Family::v4;
  if (options_.addresses == AddressDetail::net) {
    kept = address.masked(v4 ? 24 : 48);
  } else if (options_.addresses == AddressDetail::keyed) {
    const std::string_view bytes(reinterpret_cast<const char*>(address.bytes.data()), v4 ? 4 : 16);
    const std::uint64_t hashed = keyed_hash(key_, bytes);
    kept = Address{.family = Address::Family::v6, .bytes = {0xfd}};
    std::memcpy(kept.bytes.data() + 1, &hashed, 7);   // within the first 64 bits, by which IPv6 callers are told apart
  }
  ByteWriter writer(out);
  writer.byte(static_cast<std::uint8_t>(ShapeKind::client));
  const bool kept_v4 = kept.family == Address::Family::v4;
  writer.byte(static_cast<std::uint8_t>(static_cast<unsigned>(options_.addresses) << 1 | (kept_v4 ? 0u : 1u)));
  writer.bytes({reinterpret_cast<const char*>(kept.bytes.data()), kept_v4 ? 4u : 16u});
  return writer.ok() ? writer.size() : 0;
}

std::uint64_t Shaper::digest(std::span<const std::byte> shape) const {
  const std::uint64_t hashed = keyed_hash(key_, {reinterpret_cast<const char*>(shape.data()), shape.size()});
  return hashed == 0 ? 1 : hashed;   // zero means: not recorded
}

std::uint64_t definition(const IdentityRule& rule) {
  std::string text = rule.kind == IdentityKind::api_key ? "api_key" : "service";
  for (const std::string& part : {rule.header, rule.scheme, rule.keys_file}) {
    text += '\0';
    text += part;
  }
  for (const Net& net : rule.from) {
    text += '\0';
    text += to_string(net);
  }
  return keyed_hash(HashKey{}, text);
}

}  // namespace weir::record
