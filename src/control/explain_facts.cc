#include "control/explain_facts.h"

#include <algorithm>

#include "decide/client.h"
#include "decide/deadline.h"
#include "decide/loop.h"
#include "fmt/core.h"
#include "http/canonical.h"
#include "http/fields.h"
#include "http/http1.h"
#include "http/query.h"

namespace weir::control {
namespace {

WatchedValue unrecorded() { return {.state = WatchedValue::State::unrecorded}; }

WatchedValue watched(std::optional<std::string_view> value) {
  if (!value) return {};
  return {.state = WatchedValue::State::text, .text = *value};
}

bool in_any(const std::vector<Net>& nets, const Address& address) {
  return std::ranges::any_of(nets, [&](const Net& net) { return net.contains(address); });
}

// Of a path that was cut the last percent-encoding may be half of one.
std::string_view whole_part(const ExplainQuestion& question) {
  std::string_view path = question.path;
  if (!question.path_cut) return path;
  if (const std::size_t percent = path.rfind('%');
      percent != path.npos && path.size() - percent < 3)
    path = path.substr(0, percent);
  return path.empty() ? "/" : path;
}

}  // namespace

ExplainedRequest::ExplainedRequest(const ExplainQuestion& question, const ExplainWorld& world)
    : question_(question), world_(world) {
  const auto sent = header("host");
  const std::string_view authority =
      question.authority.empty() && sent ? *sent : std::string_view(question.authority);
  const auto host = http::canonical_host(authority, host_);
  const auto path = http::canonical_path(whole_part(question), http::EncodedSlash::keep, path_);
  if (!authority.empty()) violation = host.violation;
  if (violation == http::Violation::none && question.path != "*") violation = path.violation;
  facts.method = question.method;
  facts.host = host.host;
  facts.path = question.path == "*" ? std::string_view(question.path) : path.path;
  facts.query = question.query;
  facts.encoded_slash = facts.path.find("%2F") != std::string_view::npos;
  port = host.port;
  find_listener();
  find_client();
  count_hops();
  find_deadline();
  if (const http::Violation bytes = violation_of_bytes(); bytes != http::Violation::none)
    violation = bytes;
  for (const std::string& name : world.policy.watched_headers) {
    headers_.push_back(question.recorded ? unrecorded() : watched(header(name)));
  }
  for (const std::string& name : world.policy.watched_queries) queries_.push_back(query(name));
  facts.headers = headers_;
  facts.queries = queries_;
}

void ExplainedRequest::gather_evidence() {
  evidence.resize(world_.policy.identities.size());
  if (question_.recorded) return recall_caller();
  auth::gather(world_.policy, world_.keys,
               {.header = [&](std::string_view name) { return header(name); },
                .peer = question_.client,
                .client = facts.client,
                .wall = world_.wall},
               evidence);
}

std::string ExplainedRequest::authority() const {
  return port ? fmt::format("{}:{}", facts.host, *port) : std::string(facts.host);
}

std::optional<std::string_view> ExplainedRequest::header(std::string_view name) const {
  for (const auto& [each, value] : question_.headers) {
    if (http::same_name(each, name)) return value;
  }
  return std::nullopt;
}

// Of a query that was cut the last pair may be half of one.
WatchedValue ExplainedRequest::query(std::string_view name) const {
  std::string_view whole = question_.query;
  if (question_.query_cut)
    whole = whole.substr(0, whole.rfind('&') == std::string_view::npos ? 0 : whole.rfind('&'));
  const auto value = http::query_value(whole, name);
  return !value && question_.query_cut ? unrecorded() : watched(value);
}

// What the codec says to the bytes that this would be. Where no host is asked for, any stands for
// it.
http::Violation ExplainedRequest::violation_of_bytes() const {
  if (question_.recorded) return http::Violation::none;
  std::string bytes = fmt::format("{} {}{}{} HTTP/1.1\r\n", question_.method, question_.path,
                                  question_.query.empty() ? "" : "?", question_.query);
  std::size_t fields = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    bytes += fmt::format("{}: {}\r\n", name, value);
    ++fields;
  };
  const bool by_url = !question_.authority.empty();
  if (by_url || !header("host"))
    add("Host", by_url ? std::string_view(question_.authority) : "unnamed");
  for (const auto& [name, value] : question_.headers) {
    if (!by_url || !http::same_name(name, "host")) add(name, value);
  }
  bytes += "\r\n";
  const Listener::Caps& caps = world_.policy.listeners[facts.listener.index()].caps;
  http::RequestHead head;
  const http::HeadResult read = http::RequestParser().parse(
      bytes, {.head = caps.head.count, .line = caps.line.count, .fields = caps.fields}, head);
  if (read.status == http::ParseStatus::violation) return read.violation;
  // A line end in a value makes two fields of one, or ends the head.
  const bool as_asked = read.consumed == bytes.size() && head.method == question_.method &&
                        head.fields.size() == fields;
  return as_asked ? http::Violation::none : http::Violation::bad_field_value;
}

// The listener of the URL's port, where one has it; else the first.
void ExplainedRequest::find_listener() {
  const auto& listeners = world_.policy.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (port && listeners[i].address.port == *port)
      facts.listener = ListenerId{static_cast<std::uint16_t>(i)};
  }
}

void ExplainedRequest::find_client() {
  facts.client = question_.client;
  if (question_.recorded) return;
  std::vector<std::string_view> forwarded;
  for (const auto& [name, value] : question_.headers) {
    if (http::same_name(name, "x-forwarded-for")) forwarded.push_back(value);
  }
  facts.client = decide::client_address(
      question_.client, forwarded, world_.policy.listeners[facts.listener.index()].trusted_proxies);
}

void ExplainedRequest::find_deadline() {
  const Policy& policy = world_.policy;
  if (question_.recorded || policy.deadline_header.empty()) return;
  if (!in_any(policy.listeners[facts.listener.index()].trusted_proxies, question_.client)) return;
  if (const auto sent = header(policy.deadline_header)) facts.deadline = decide::deadline_of(*sent);
}

void ExplainedRequest::count_hops() {
  facts.hops = question_.hops;
  if (question_.recorded) return;
  const decide::LoopMarks marks(world_.seed);
  decide::HopCount count(marks, world_.policy.via_name);
  for (const auto& [name, value] : question_.headers) {
    if (http::same_name(name, "cdn-loop")) count.cdn_loop(value);
    if (http::same_name(name, "via")) count.via(value);
  }
  facts.hops = count.hops();
}

// The record knows the caller's name, not which rule it came by: the first that could have named
// it.
void ExplainedRequest::recall_caller() {
  for (std::size_t i = 0; i < evidence.size() && !question_.caller.empty(); ++i) {
    const IdentityRule& rule = world_.policy.identities[i];
    if (rule.kind == IdentityKind::service) {
      if (!in_any(rule.from, facts.client)) continue;
      evidence[i] = {.result = EvidenceResult::valid, .subject = question_.caller};
      return;
    }
    const auth::KeyTable* table =
        i < world_.keys.tables.size() ? world_.keys.tables[i].get() : nullptr;
    const auth::KeyEntry* entry = table == nullptr ? nullptr : table->find(question_.caller);
    if (entry == nullptr) continue;
    const bool expired = entry->expires && world_.wall >= *entry->expires;
    evidence[i] = {.result = expired ? EvidenceResult::expired : EvidenceResult::valid,
                   .subject = entry->name,
                   .groups = entry->groups};
    return;
  }
}

}  // namespace weir::control
