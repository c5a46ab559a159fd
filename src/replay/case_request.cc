#include "replay/case_request.h"

#include <algorithm>
#include <optional>

#include "decide/client.h"
#include "http/canonical.h"
#include "http/fields.h"
#include "http/query.h"

namespace weir::replay {
namespace {

std::optional<std::string_view> header(const CaseRow& row, std::string_view name) {
  for (const auto& [each, value] : row.headers) {
    if (http::same_name(each, name)) return value;
  }
  return std::nullopt;
}

WatchedValue watched(std::optional<std::string_view> value) {
  if (!value) return {};
  return {.state = WatchedValue::State::text, .text = *value};
}

// The `number`th address of a network, beginning anew after its last.
Address address_in(const Net& net, std::uint64_t number) {
  const unsigned width = net.address.family == Address::Family::v4 ? 32 : 128;
  const unsigned host_bits = width - std::min<unsigned>(net.prefix, width);
  if (host_bits < 64) number &= (std::uint64_t{1} << host_bits) - 1;
  Address address = net.address;
  for (std::size_t byte = width / 8; number > 0; number >>= 8)
    address.bytes[--byte] |= static_cast<std::uint8_t>(number & 0xFF);
  return address;
}

}  // namespace

CaseRequest::CaseRequest(const Policy& policy, const CaseRow& row)
    : policy_(policy), row_(row), evidence_(policy.identities.size()) {
  const auto sent = header(row, "host");
  const std::string_view authority =
      row.authority.empty() && sent ? *sent : std::string_view(row.authority);
  const auto host = http::canonical_host(authority, host_);
  const auto path = http::canonical_path(row.path, http::EncodedSlash::keep, path_);
  http::Violation violation = authority.empty() ? http::Violation::none : host.violation;
  if (violation == http::Violation::none && row.path != "*") violation = path.violation;
  if (violation != http::Violation::none) malformed_ = http::info(violation).status;

  Facts& facts = rebuilt_.facts;
  facts.method = row.method;
  facts.host = host.host;
  facts.path = row.path == "*" ? std::string_view(row.path) : path.path;
  facts.query = row.query;
  facts.hops = row.hops;
  facts.encoded_slash = facts.path.find("%2F") != std::string_view::npos;
  if (host.port) find_listener(*host.port);
  for (const std::string& name : policy.watched_headers)
    headers_.push_back(watched(header(row, name)));
  for (const std::string& name : policy.watched_queries)
    queries_.push_back(watched(http::query_value(row.query, name)));
  for (const auto& [name, value] : row.headers) {
    if (http::same_name(name, "x-forwarded-for")) forwarded_.push_back(value);
  }
  for (const CaseCredential& credential : row.credentials) {
    const bool valid = credential.result == EvidenceResult::valid;
    Evidence& evidence = evidence_[credential.rule.index()];
    evidence = {.result = credential.result, .subject = {}, .groups = {}};
    if (valid) evidence.subject = credential.subject;
    if (valid) evidence.groups = credential.groups;
  }
  facts.headers = headers_;
  facts.queries = queries_;
  rebuilt_.evidence_known = true;
  rebuilt_.evidence = evidence_;
}

// The listener of the URL's port, where one has it; else the first.
void CaseRequest::find_listener(std::uint16_t port) {
  for (std::size_t i = 0; i < policy_.listeners.size(); ++i) {
    if (policy_.listeners[i].address.port != port) continue;
    rebuilt_.facts.listener = ListenerId{static_cast<std::uint16_t>(i)};
    return;
  }
}

const Rebuilt& CaseRequest::at(std::uint64_t number) {
  const Address peer = address_in(row_.clients, number);
  const Listener& listener = policy_.listeners[rebuilt_.facts.listener.index()];
  rebuilt_.facts.client = decide::client_address(peer, forwarded_, listener.trusted_proxies);
  return rebuilt_;
}

}  // namespace weir::replay
