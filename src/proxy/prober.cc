#include "proxy/prober.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "http/fields.h"
#include "io/stream.h"
#include "wire/http1_client.h"

namespace weir::proxy {
namespace {

constexpr std::size_t kMostRead = 64 * 1024;

bool good_status(const HealthCheck& check, std::uint16_t status) {
  if (check.status.empty()) return status >= 200 && status < 300;
  return std::ranges::find(check.status, status) != check.status.end();
}

}  // namespace

void Prober::use(std::shared_ptr<const Policy> policy, std::shared_ptr<const EndpointAddresses> addresses) {
  rest();
  policy_ = std::move(policy);
  addresses_ = std::move(addresses);
  for (std::size_t i = 0; i < policy_->endpoints.size(); ++i) {
    const Endpoint& endpoint = policy_->endpoints[i];
    const Upstream& upstream = policy_->upstreams[endpoint.upstream.index()];
    if (!upstream.health_check) continue;
    const Key key(upstream.name.value, endpoint.identity);
    const auto [at, fresh] = asked_.try_emplace(key);
    at->second.endpoint = EndpointId{static_cast<std::uint32_t>(i)};
    if (!fresh) continue;
    at->second.identity = mix(endpoint.identity ^ upstream.name.value);
    scope_.spawn([this, key] { return ask_on(key); });
  }
}

// A part of the interval between 0.9 and 1.1 of it; before the first probe anything up to it, so that a thousand endpoints
// are not asked at once.
Nanos Prober::jittered(Nanos interval, const Asked& asked) const {
  const auto span = static_cast<std::uint64_t>(interval.count());
  const std::uint64_t drawn = draw(seed_, {.worker = WorkerId{}, .sequence = asked.identity + asked.probes}, Purpose::spare, 0);
  if (asked.probes == 0) return Nanos(static_cast<std::int64_t>(scale(drawn, span)));
  return Nanos(static_cast<std::int64_t>(span - span / 10 + scale(drawn, span / 5 + 1)));
}

io::Task<> Prober::ask_on(Key key) {
  for (;;) {
    const auto waiting = asked_.find(key);
    if (!waiting->second.endpoint.valid()) break;
    const Endpoint& endpoint = policy_->endpoints[waiting->second.endpoint.index()];
    const Nanos pause = jittered(policy_->upstreams[endpoint.upstream.index()].health_check->interval, waiting->second);
    if (!co_await scope_.loop().sleep_for(pause)) break;
    const auto asked = asked_.find(key);
    if (!asked->second.endpoint.valid()) break;
    ++asked->second.probes;
    const decide::Probe probe = co_await this->probe(asked->second.endpoint);
    const auto still = asked_.find(key);   // the policy may be another by now
    if (still->second.endpoint.valid()) told_(still->second.endpoint, probe);
  }
  asked_.erase(key);
}

io::Task<decide::Probe> Prober::probe(EndpointId id) {
  const std::shared_ptr<const Policy> policy = policy_;
  const Endpoint& endpoint = policy->endpoints[id.index()];
  const HealthCheck& check = *policy->upstreams[endpoint.upstream.index()].health_check;
  const std::vector<SocketAddress> addresses = (*addresses_)[id.index()];
  const io::Deadline deadline = scope_.loop().now() + check.timeout;
  if (addresses.empty()) co_return decide::Probe{};
  auto stream = co_await io::Stream::connect(scope_.loop(), addresses.front(), deadline);
  if (!stream) co_return decide::Probe{};
  if (check.path.empty()) co_return decide::Probe{.good = true, .reached = true};
  const std::string_view host = check.host.empty() ? names_.text(endpoint.name) : std::string_view(check.host);
  co_return co_await request(std::move(*stream), check, host, deadline);
}

io::Task<decide::Probe> Prober::request(io::Stream stream, const HealthCheck& check, std::string_view host, io::Deadline deadline) {
  decide::Probe probe{.good = false, .reached = true};
  wire::Http1Client client(std::move(stream), scratch_);
  http::Fields fields;
  fields.add(http::FieldId::host, host.starts_with("unix:") ? std::string_view("localhost") : host);
  fields.add(http::FieldId::user_agent, "weir-health-check");
  wire::PreparedRequest request;
  wire::Http1Client::prepare({.method = "GET", .target = check.path, .fields = &fields, .framing = {}}, request);
  if (!co_await client.send(&request, {}, true, deadline)) co_return probe;
  std::uint16_t status = 0;
  while (status < 200) {   // interim answers are bounded by the client
    auto head = co_await client.read_head(deadline);
    if (!head) co_return probe;
    status = (*head)->status;
    if (status == 101) co_return probe;
  }
  probe.good = good_status(check, status);
  if (!probe.good || check.body.empty()) co_return probe;
  std::string body;
  for (bool end = false; !end && body.size() < kMostRead;) {
    auto piece = co_await client.read(deadline);
    if (!piece) break;
    body.append(piece->bytes.substr(0, kMostRead - body.size()));
    end = piece->end;
  }
  probe.good = body.find(check.body) != std::string::npos;
  co_return probe;
}

}  // namespace weir::proxy
