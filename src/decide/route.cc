// A request competes in up to three rounds: routes of its exact host, of each wildcard above it from the longest on,
// routes without a host. The Gateway API gives *precedence* to rules of the more specific host; it does not say that a
// rule of a less specific host stops matching once a more specific one exists, so a round without a match goes on to
// the next. (Proxies built on one virtual host per name answer 404 there; their users report it as a fault:
// envoyproxy/gateway issue 5500.) Listener isolation, the rule that does exclude, is about listeners.
//
// Each host has a compressed radix tree of paths. A walk down the tree ends at the deepest node whose labels are the
// beginning of the path: exact routes stand there when the path is used up, prefix routes there and above, reached
// from the bottom over `above`. A prefix matches by whole elements, so a node counts only where the path ends or has a
// slash at the node's depth: /catalog takes /catalog/x and not /catalogs. The prefix "/" is the empty one, at the root.
//
// With 10,000 hosts nothing of this is in a cache: what a request waits for is memory, one line after the other. So the
// place of a host holds its name and, where it has but one route for all paths, that candidate: one line instead of
// four. A candidate carries what can be checked about most routes without touching the route, and a route is fetched as
// soon as it is met.
//
// Tested by route_test.cc against fit_of() over all routes and a sort, on random tables and requests.
#include "decide/route.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/fingerprint.h"

namespace weir::decide {
namespace {

// Nobody can put hosts into the table: no secret is needed.
std::uint64_t host_hash(std::string_view name) {
  Fingerprint print(HashKey{});
  print.add(name);
  return print.value() >> 1;   // its lowest bit is always set
}

std::string_view prefix_of(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

bool prefix_fits(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool value_fits(const HeaderMatch& match, const WatchedValue& value, HashKey seed) {
  switch (value.state) {
    case WatchedValue::State::text: return match.present_only || match.value == value.text;
    case WatchedValue::State::digest: return match.present_only || keyed_hash(seed, match.value) == value.digest;
    case WatchedValue::State::absent:
    case WatchedValue::State::unrecorded: return false;
  }
  return false;
}

WatchedValue watched(std::span<const WatchedValue> values, std::uint16_t index) {
  return index < values.size() ? values[index] : WatchedValue{};
}

// One bit for each method that people write; 0 for others.
std::uint16_t method_bit(std::string_view method) {
  constexpr std::array<std::string_view, 9> kMethods = {"GET",     "POST",  "HEAD",    "PUT",  "DELETE",
                                                        "OPTIONS", "PATCH", "CONNECT", "TRACE"};
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == method) return static_cast<std::uint16_t>(1u << i);
  }
  return 0;
}

RouteIndex::Candidate candidate_of(const Policy& policy, RouteId id) {
  const RouteMatch& match = policy.routes[id.index()].match;
  RouteIndex::Candidate candidate{.route = id, .plain = match.headers.empty() && match.queries.empty()};
  for (const std::string& method : match.methods) {
    const std::uint16_t bit = method_bit(method);
    candidate.methods = static_cast<std::uint16_t>(candidate.methods | bit);
    candidate.plain = candidate.plain && bit != 0;
  }
  return candidate;
}

bool method_fits(const RouteMatch& match, std::string_view method) {
  return match.methods.empty() || std::ranges::find(match.methods, method) != match.methods.end();
}

bool values_fit(const RouteMatch& match, const Facts& facts, HashKey seed) {
  for (const HeaderMatch& header : match.headers) {
    if (!value_fits(header, watched(facts.headers, header.watched), seed)) return false;
  }
  for (const HeaderMatch& query : match.queries) {
    if (!value_fits(query, watched(facts.queries, query.watched), seed)) return false;
  }
  return true;
}

bool host_fits(const RouteMatch& match, std::string_view host) {
  if (match.hosts.empty()) return true;
  return std::ranges::any_of(match.hosts, [&](std::string_view wanted) {
    if (!wanted.starts_with("*.")) return wanted == host;
    return host.size() > wanted.size() - 1 && host.ends_with(wanted.substr(1));
  });
}

bool path_fits(const RouteMatch& match, std::string_view path) {
  return match.path_kind == RouteMatch::PathKind::exact ? match.path == path
                                                        : prefix_fits(prefix_of(match.path), path);
}

// ---- building ----

struct Entry {
  std::string_view path;
  bool exact;
  RouteId route;
};

// Sorts those of one path as they are asked.
auto precedence(const Policy& policy, RouteId id) {
  const RouteMatch& match = policy.routes[id.index()].match;
  return std::tuple(match.methods.empty(), -static_cast<std::ptrdiff_t>(match.headers.size()),
                    -static_cast<std::ptrdiff_t>(match.queries.size()), id.value);
}

class Builder {
 public:
  explicit Builder(Policy& policy) : policy_(policy), index_(policy.index) {}

  // Entries of one host. Nodes are made level by level, so that the children of a node stand together.
  std::uint32_t add_tree(std::vector<Entry> entries) {
    std::ranges::sort(entries, {}, [&](const Entry& e) {
      return std::tuple(e.path, !e.exact, precedence(policy_, e.route));
    });
    const auto root = static_cast<std::uint32_t>(index_.nodes.size());
    index_.nodes.emplace_back();
    std::vector<Pending> queue{{root, 0, entries.size()}};
    for (std::size_t next = 0; next < queue.size(); ++next) {
      const Pending pending = queue[next];
      fill_node(entries, pending, queue);
    }
    return root;
  }

  void place_host(std::string_view name, std::uint32_t root) {
    const std::uint64_t hash = host_hash(name);
    std::size_t at = hash & (index_.hosts.size() - 1);
    while (index_.hosts[at].root != RouteIndex::kNone) at = (at + 1) & (index_.hosts.size() - 1);
    RouteIndex::Host& host = index_.hosts[at];
    host = {.name = add_text(name), .tag = static_cast<std::uint32_t>(hash >> 31), .root = root};
    if (name.size() <= host.near.size()) std::ranges::copy(name, host.near.begin());
    const RouteIndex::Node& node = index_.nodes[root];
    if (node.child_count == 0 && node.exact == 0 && node.prefix == 1) host.only = index_.candidates[node.candidates];
  }

 private:
  struct Pending {
    std::uint32_t node;
    std::size_t first, last;   // entries whose paths begin with the node's labels
  };

  RouteIndex::Text add_text(std::string_view text) {
    const RouteIndex::Text piece{static_cast<std::uint32_t>(index_.text.size()),
                                 static_cast<std::uint32_t>(text.size())};
    index_.text += text;
    return piece;
  }

  void fill_node(const std::vector<Entry>& entries, const Pending& pending, std::vector<Pending>& queue) {
    const std::uint32_t depth = index_.nodes[pending.node].depth;
    std::size_t at = pending.first;
    const auto take = [&](bool exact) {
      std::uint32_t count = 0;
      for (; at < pending.last && entries[at].path.size() == depth && entries[at].exact == exact; ++at, ++count) {
        index_.candidates.push_back(candidate_of(policy_, entries[at].route));
      }
      return count;
    };
    index_.nodes[pending.node].candidates = static_cast<std::uint32_t>(index_.candidates.size());
    index_.nodes[pending.node].exact = take(true);
    index_.nodes[pending.node].prefix = take(false);
    const auto children = static_cast<std::uint32_t>(index_.nodes.size());
    index_.nodes[pending.node].children = children;
    const std::uint32_t above = index_.nodes[pending.node].prefix > 0 ? pending.node : index_.nodes[pending.node].above;
    while (at < pending.last) {
      std::size_t end = at + 1;
      while (end < pending.last && entries[end].path[depth] == entries[at].path[depth]) ++end;
      // Sorted: what the first and the last have in common, all have.
      const std::string_view first = entries[at].path, last = entries[end - 1].path;
      const std::size_t common = std::ranges::mismatch(first, last).in1 - first.begin();
      const auto child = static_cast<std::uint32_t>(index_.nodes.size());
      index_.nodes.push_back({.label = add_text(first.substr(depth, common - depth)).at,
                              .depth = static_cast<std::uint32_t>(common),
                              .first = static_cast<unsigned char>(first[depth]),
                              .above = above});
      queue.push_back({child, at, end});
      at = end;
    }
    index_.nodes[pending.node].child_count = static_cast<std::uint16_t>(index_.nodes.size() - children);
    if (index_.nodes.size() > children) index_.nodes[pending.node].children_from = index_.nodes[children].first;
  }

  Policy& policy_;
  RouteIndex& index_;
};

// ---- asking ----

std::string_view text(const RouteIndex& index, RouteIndex::Text piece) {
  return std::string_view(index.text).substr(piece.at, piece.size);
}

bool is_named(const RouteIndex& index, const RouteIndex::Host& host, std::string_view name) {
  if (host.name.size != name.size()) return false;
  return std::memcmp(name.size() <= host.near.size() ? host.near.data() : text(index, host.name).data(), name.data(), name.size()) == 0;
}

const RouteIndex::Host* find_host(const RouteIndex& index, std::string_view name) {
  if (index.hosts.empty()) return nullptr;
  const std::uint64_t hash = host_hash(name);
  const std::size_t mask = index.hosts.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {   // ends: at most half of the slots are taken
    const RouteIndex::Host& host = index.hosts[at];
    if (host.root == RouteIndex::kNone) return nullptr;
    if (host.tag == hash >> 31 && is_named(index, host, name)) return &host;
  }
}

const RouteIndex::Node* find_child(const RouteIndex& index, const RouteIndex::Node& node, char byte) {
  const auto* first = index.nodes.data() + node.children;
  const auto* last = first + node.child_count;
  const auto wanted = static_cast<unsigned char>(byte);
  // Where each byte from the first child's on has a child, as digits have: one line of memory instead of some.
  const std::size_t at = static_cast<std::size_t>(wanted) - node.children_from;
  if (at < node.child_count && first[at].first == wanted) return first + at;
  const auto* found = std::lower_bound(first, last, wanted, [](const auto& n, unsigned char b) { return n.first < b; });
  return found != last && found->first == wanted ? found : nullptr;
}

// Of a child whose first byte fits.
bool label_fits(const RouteIndex& index, const RouteIndex::Node& above, const RouteIndex::Node& child, std::string_view path) {
  const std::uint32_t size = child.depth - above.depth;
  return size == 1 || path.substr(above.depth).starts_with(text(index, {.at = child.label, .size = size}));
}

// Calls `visit(candidate)` for each route whose path fits, most precise first, until it answers true.
template <class Visit>
bool walk_tree(const RouteIndex& index, std::uint32_t root, std::string_view path, Visit& visit) {
  const RouteIndex::Node* node = &index.nodes[root];
  while (node->depth < path.size()) {
    const auto* child = find_child(index, *node, path[node->depth]);
    if (child == nullptr || !label_fits(index, *node, *child, path)) break;
    node = child;
  }
  const auto visit_all = [&](std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i != first + count; ++i) {
      if (visit(index.candidates[i])) return true;
    }
    return false;
  };
  if (node->depth == path.size() && visit_all(node->candidates, node->exact)) return true;
  for (;;) {
    const bool whole = node->depth == path.size() || path[node->depth] == '/';
    if (whole && visit_all(node->candidates + node->exact, node->prefix)) return true;
    if (node->above == RouteIndex::kNone) return false;
    node = &index.nodes[node->above];
  }
}

template <class Visit>
bool walk(const Policy& policy, const Facts& facts, Visit visit) {
  const RouteIndex& index = policy.index;
  const auto round = [&](std::string_view name) {
    const RouteIndex::Host* host = find_host(index, name);
    if (host == nullptr) return false;
    if (host->only.route.valid() && facts.path.starts_with('/')) return visit(host->only);
    return walk_tree(index, host->root, facts.path, visit);
  };
  if (!facts.host.empty() && facts.host[0] != '.' && round(facts.host)) return true;
  if (index.wildcards) {
    // "*.example.com" stands for one label or more before it, so the search starts after the first.
    for (std::size_t dot = facts.host.find('.', 1); dot != std::string_view::npos;
         dot = facts.host.find('.', dot + 1)) {
      if (round(facts.host.substr(dot))) return true;
    }
  }
  return index.any_host != RouteIndex::kNone && walk_tree(index, index.any_host, facts.path, visit);
}

void tell(const Policy& policy, const Facts& facts, HashKey seed, RouteId chosen, Trace& trace) {
  for (std::uint32_t i = 0; i < policy.routes.size(); ++i) {
    RouteStep step = fit_of(policy, RouteId{i}, facts, seed);
    if (step.fit == RouteFit::chosen && RouteId{i} != chosen) step.fit = RouteFit::less_precise;
    trace.on_route(step);
  }
}

}  // namespace

void index_routes(Policy& policy) {
  policy.index = RouteIndex{};
  std::map<std::string, std::vector<Entry>, std::less<>> hosts;
  std::vector<Entry> any_host;
  for (std::uint32_t i = 0; i < policy.routes.size(); ++i) {
    const RouteMatch& match = policy.routes[i].match;
    const bool exact = match.path_kind == RouteMatch::PathKind::exact;
    const Entry entry{.path = exact ? std::string_view(match.path) : prefix_of(match.path), .exact = exact,
                      .route = RouteId{i}};
    if (match.hosts.empty()) any_host.push_back(entry);
    for (std::string_view host : match.hosts) {
      auto& entries = hosts[std::string(host.starts_with("*.") ? host.substr(1) : host)];
      // A host said twice in one route is one.
      if (entries.empty() || entries.back().route != entry.route) entries.push_back(entry);
    }
  }
  RouteIndex& index = policy.index;
  index.hosts.resize(hosts.empty() ? 0 : std::bit_ceil(hosts.size() * 2));
  Builder builder(policy);
  for (auto& [name, entries] : hosts) {
    index.wildcards = index.wildcards || name.starts_with('.');
    builder.place_host(name, builder.add_tree(std::move(entries)));
  }
  if (!any_host.empty()) index.any_host = builder.add_tree(std::move(any_host));
  index.nodes.shrink_to_fit();
  index.candidates.shrink_to_fit();
  index.text.shrink_to_fit();
}

void expect_host(const Policy& policy, std::string_view host) {
  const auto& hosts = policy.index.hosts;
  if (!hosts.empty()) __builtin_prefetch(&hosts[host_hash(host) & (hosts.size() - 1)]);
}

// Nodes are laid level by level: the first of a tree are its top. Labels are not compared; what does not fit is asked for in vain.
void expect_path(const Policy& policy, std::string_view path) {
  constexpr std::uint32_t kTop = 2048;   // 64 KiB
  const RouteIndex& index = policy.index;
  if (index.any_host == RouteIndex::kNone) return;
  for (std::uint32_t at = index.any_host;;) {
    const RouteIndex::Node& node = index.nodes[at];
    if (node.depth >= path.size()) return;
    const std::uint32_t place = static_cast<unsigned char>(path[node.depth]) - std::uint32_t{node.children_from};
    if (place >= node.child_count) return;
    at = node.children + place;
    if (at - index.any_host < kTop) continue;
    __builtin_prefetch(&index.nodes[at]);
    return;
  }
}

void expect_route(const Route& route) {
  const char* const begin = reinterpret_cast<const char*>(&route);
  const char* const end = reinterpret_cast<const char*>(&route.match);
  for (const char* line = begin; line < end; line += 64) __builtin_prefetch(line);
}

void expect_parts(const Route& route) {
  __builtin_prefetch(route.limits.data());
  if (const auto* forward = std::get_if<Forward>(&route.action)) __builtin_prefetch(forward->split.data());
}

Matched match_route(const Policy& policy, const Facts& facts, HashKey seed, Trace* trace) {
  Matched matched{.cause = Cause::no_route};
  const std::uint16_t bit = method_bit(facts.method);
  walk(policy, facts, [&](const RouteIndex::Candidate& candidate) {
    const Route& route = policy.routes[candidate.route.index()];
    expect_route(route);
    if (!candidate.plain && !values_fit(route.match, facts, seed)) return false;
    const bool fits = candidate.plain ? candidate.methods == 0 || (candidate.methods & bit) != 0
                                      : method_fits(route.match, facts.method);
    if (!fits) {
      matched.cause = Cause::method_not_allowed;
      return false;
    }
    matched = {.route = candidate.route, .cause = Cause::none};
    return true;
  });
  if (trace != nullptr) tell(policy, facts, seed, matched.route, *trace);
  return matched;
}

std::string allowed_methods(const Policy& policy, const Facts& facts, HashKey seed) {
  std::vector<std::string_view> methods;
  walk(policy, facts, [&](const RouteIndex::Candidate& candidate) {
    const RouteMatch& match = policy.routes[candidate.route.index()].match;
    if (values_fit(match, facts, seed)) methods.insert(methods.end(), match.methods.begin(), match.methods.end());
    return false;
  });
  std::ranges::sort(methods);
  const auto rest = std::ranges::unique(methods);
  methods.erase(rest.begin(), rest.end());
  std::string list;
  for (const std::string_view method : methods) list.append(list.empty() ? "" : ", ").append(method);
  return list;
}

RouteStep fit_of(const Policy& policy, RouteId route, const Facts& facts, HashKey seed) {
  const RouteMatch& match = policy.routes[route.index()].match;
  RouteStep step{.route = route};
  const auto failed = [&](RouteFit fit) {
    step.fit = fit;
    return step;
  };
  if (!host_fits(match, facts.host)) return failed(RouteFit::host);
  if (!path_fits(match, facts.path)) return failed(RouteFit::path);
  if (!method_fits(match, facts.method)) return failed(RouteFit::method);
  const auto all = [&](const std::vector<HeaderMatch>& matches, std::span<const WatchedValue> values) {
    for (step.which = 0; step.which < matches.size(); ++step.which) {
      const WatchedValue value = watched(values, matches[step.which].watched);
      step.unrecorded = value.state == WatchedValue::State::unrecorded;
      if (!value_fits(matches[step.which], value, seed)) return false;
    }
    step.which = 0;
    return true;
  };
  if (!all(match.headers, facts.headers)) return failed(RouteFit::header);
  if (!all(match.queries, facts.queries)) return failed(RouteFit::query);
  return step;
}

}  // namespace weir::decide
