#include "scenario.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "fmt/core.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using io::sim::Chance;

std::string policy_text(Chance& chance, bool tight, std::size_t number) {
  const bool inner = number == 0 || chance.per_mille(500);
  const bool both = number == 0 || chance.per_mille(700);
  const std::uint64_t rate = number == 0 || chance.per_mille(500) ? 3 : chance.between(1, 10);
  std::string text = "version: 1\nlisteners:\n"
      "  - {name: public, address: 10.1.0.1:80, trusted_proxies: [127.0.0.0/8], timeouts: {head: 2s, body: 3s, idle: 5s}}\n";
  if (inner) {
    const std::string_view few = number > 0 && chance.per_mille(500) ? ", connections: 1" : "";
    text += fmt::format("  - {{name: inner, address: 10.1.0.1:81, timeouts: {{head: 2s, body: 3s, idle: 5s}}, caps: {{body: 64KiB{}}}}}\n", few);
  }
  text += "defaults: {timeouts: {connect: 400ms, response: 1500ms, idle: 1s}, limits: []}\n"
          "identity: [{name: services, service: {header: X-Service, from: [127.0.0.0/8, 192.0.2.0/25]}}]\n";
  text += fmt::format("limits:\n"
                      "  - {{name: per-caller, key: caller, rate: {0}/s, burst: {1}}}\n"
                      "  - {{name: spike, key: all, rate: {2}/s, burst: {3}}}\n"
                      "  - {{name: per-ip, key: client_ip, rate: {4}/s, burst: {5}, before_auth: true}}\n",
                      tight ? rate : 1000, tight ? rate : 5000, tight ? 6 : 5000, tight ? 5 : 20'000, tight ? 2 : 3000, tight ? 2 : 9000);
  constexpr std::array<std::string_view, 5> kBalance = {"round_robin", "least_request", "random", "ring_hash", "peak_ewma"};
  text += "concurrency: [{name: at-once, key: client_ip, max_in_flight: 1}]\n";
  text += fmt::format("upstreams:\n"
                      "  - {{name: alpha, endpoints: [10.2.0.1:9001{}], balance: {}, {}}}\n"
                      "  - {{name: beta, endpoints: [10.2.0.1:9003], health_check: {{interval: 400ms, timeout: 200ms}}}}\n"
                      "  - {{name: shaky, endpoints: [10.2.0.9:1, {{address: 10.2.0.1:9001, tier: {}}}], {}{}}}\n",
                      both ? ", 10.2.0.1:9002" : "", kBalance[chance.below(kBalance.size())],
                      chance.per_mille(500) ? "ejection: false" : "ejection: {min_requests: 4, window: 1s, time: 500ms}, slow_start: 1s",
                      both ? 0 : 1, chance.per_mille(500) ? "slow_start: none" : "health_check: {interval: 200ms, timeout: 100ms, fall: 1, rise: 1}",
                      chance.per_mille(500) ? "" : ", adaptive_limit: {min: 1, max: 4}, breaker: {max_in_flight: 3, "
                                                   "failure_ratio: 50%, min_requests: 4, window: 1s, open: 200ms, probes: 1}");
  text += "routes:\n"
          "  - {name: plain, match: {path: /a/*}, upstream: alpha}\n"
          "  - {name: beta, match: {path: /b/*}, upstream: beta, timeouts: {response: 700ms, idle: 500ms, total: 4s}}\n"
          "  - {name: limited, match: {path: /l/*}, upstream: alpha, limits: [per-caller, spike]}\n"
          "  - {name: by-ip, match: {path: /i/*}, upstream: beta, limits: [per-ip, per-caller]}\n"
          "  - {name: secure, match: {path: /s/*}, upstream: alpha, auth: {require: [services]}}\n"
          "  - {name: split, match: {path: /w/*}, split: [{upstream: alpha, weight: 3}, {upstream: beta, weight: 1}]}\n"
          "  - {name: shaky, match: {path: /k/*}, upstream: shaky, concurrency: [at-once], priority: sheddable}\n"
          "  - {name: direct, match: {path: /d/*}, respond: {status: 200, body: \"said by the gateway\"}}\n"
          "  - {name: moved, match: {path: /m/*}, redirect: {status: 308, prefix: /a}}\n"
          "  - {name: reading, match: {path: /r/*, methods: [GET, HEAD]}, upstream: alpha}\n";
  return text;
}

// Heads that no gateway may take, each with a token in its target. An upstream that saw /smuggled would tell.
std::string improper_wire(Chance& chance, const std::string& path) {
  const std::string host = "Host: api.test\r\n";
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n";
  switch (chance.below(12)) {
    case 0: return fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}", path, host, smuggled);
    case 1: return fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", path, host);
    case 2: return fmt::format("GET {} HTTP/1.1\n{}\n", path, host);
    case 3: return fmt::format("GET {} HTTP/1.1\r\n\r\n", path);
    case 4: return fmt::format("GET {} HTTP/1.1\r\nHost : api.test\r\n\r\n", path);
    case 5: return fmt::format("GET {} HTTP/2.0\r\n{}\r\n", path, host);
    case 6: return fmt::format("GET  {} HTTP/1.1\r\n{}\r\n", path, host);
    case 7: return fmt::format("POST {} HTTP/1.1\r\n{}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", path, host);
    case 8: return fmt::format("GET {} HTTP/1.1\r\n{}X-Folded: a\r\n b\r\n\r\n", path, host);
    case 9: return fmt::format("GET {} HTTP/1.1\r\n{}X-Long: {}\r\n\r\n", path, host, std::string(40'000, 'x'));
    case 10: return fmt::format("CONNECT {} HTTP/1.1\r\n{}\r\n", path, host);
    default: return fmt::format("GET {} HTTP/1.1\r\n{}{}\r\n", path, host, host);
  }
}

// A chunked body that breaks in the middle: what came before has been forwarded by then, and must not become whole.
void break_body(Chance& chance, Ask& ask) {
  ask.proper = false;
  ask.wire.resize(ask.wire.size() - 5);
  constexpr std::array<std::string_view, 4> kEnds = {"-1\r\n\r\n", "5;\nabcde\r\n0\r\n\r\n", "0x5\r\nabcde\r\n0\r\n\r\n", "0\r\nContent-Length: 3\r\n\r\n"};
  ask.wire += kEnds[chance.below(kEnds.size())];
}

std::string framed(Chance& chance, const std::string& body, bool chunked) {
  if (!chunked) return fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  std::string wire = "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t count = std::min<std::size_t>(body.size() - at, 1 + chance.below(body.size()));
    wire += fmt::format("{:x}\r\n", count);
    wire.append(body, at, count).append("\r\n");
    at += count;
  }
  return wire + "0\r\n\r\n";
}

Ask draw_ask(Chance& chance, std::size_t token, std::size_t connection, bool trouble) {
  Ask ask{.token = token, .connection = connection};
  constexpr std::string_view kPlaces = "aaaabbbllllliisswkdmrz";
  const char place = kPlaces[chance.below(kPlaces.size())];
  ask.path = fmt::format("/{}/{}{}", place, token_text(token), chance.per_mille(200) ? "?page=2" : "");
  constexpr std::array<std::string_view, 10> kMethods = {"GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"};
  ask.method = kMethods[chance.below(kMethods.size())];
  if (trouble && chance.per_mille(250)) {
    ask.proper = false;
    if (chance.per_mille(700)) {
      ask.wire = improper_wire(chance, ask.path);
      ask.method = ask.wire.substr(0, ask.wire.find(' '));
      ask.head_size = ask.wire.size();
      ask.bad_head = true;
      return ask;
    }
    ask.method = "POST";   // a good head, a body that breaks
  }
  ask.http10 = ask.method == "GET" && chance.per_mille(60);
  ask.websocket = ask.method == "GET" && !ask.http10 && (place == 'a' || place == 'b') && chance.per_mille(60);
  ask.wire = fmt::format("{} {} HTTP/1.{}\r\nHost: api.test\r\nX-Forwarded-For: 192.0.2.{}\r\n", ask.method, ask.path, ask.http10 ? 0 : 1,
                         chance.per_mille(700) ? chance.between(1, 4) : chance.between(1, 250));
  if (chance.per_mille(400)) ask.wire += fmt::format("X-Service: service-{}\r\n", chance.below(3));
  ask.closes = chance.per_mille(ask.http10 ? 500 : 30) && !ask.websocket;
  if (ask.http10 && !ask.closes) ask.wire += "Connection: keep-alive\r\n";
  if (!ask.http10 && ask.closes) ask.wire += "Connection: close\r\n";
  if (ask.websocket) {
    ask.wire += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  }
  if (ask.method != "POST" && ask.method != "PUT") {
    ask.wire += "\r\n";
    ask.head_size = ask.wire.size();
    return ask;
  }
  const bool chunked = !ask.proper || chance.per_mille(500);
  const std::size_t size = ask.proper && chance.per_mille(200) ? 0 : chance.per_mille(150) ? chance.between(5000, 150'000) : chance.between(1, 3000);
  ask.body = body_of(token, 'q', size);
  ask.waits_for_continue = size > 0 && chance.per_mille(200);
  if (ask.waits_for_continue) ask.wire += "Expect: 100-continue\r\n";
  ask.wire += framed(chance, ask.body, chunked);
  ask.head_size = ask.wire.find("\r\n\r\n") + 4;
  if (!ask.proper) break_body(chance, ask);
  return ask;
}

Manner draw_manner(Chance& chance, unsigned trouble) {
  using Kind = Manner::Kind;
  Manner manner;
  manner.pause = milliseconds(chance.between(1, 60));
  if (chance.per_mille(trouble)) {
    constexpr std::array<Kind, 4> kBad = {Kind::stalling_sender, Kind::stuck_reader, Kind::resets, Kind::leaves};
    manner.kind = kBad[chance.below(kBad.size())];
    manner.at = milliseconds(chance.below(2000));
    manner.stop_after = chance.below(chance.per_mille(500) ? 200 : 5000);
    return manner;
  }
  const std::uint64_t draw = chance.below(20);
  if (draw < 2) manner.kind = Kind::slow_sender;
  if (draw == 2 || draw == 3) manner.kind = Kind::slow_reader;
  if (draw == 4) manner.kind = Kind::half_closes;
  if (draw == 5) manner.kind = Kind::lingers;
  return manner;
}

// Beside, for some, in the other's place, perhaps back again, alone. Drawn apart, so that a seed is what it was before there were stages.
void draw_stages(std::uint64_t seed, const Weather& weather, Scenario& scenario) {
  using Kind = Scenario::Stage::Kind;
  Chance chance(mix(seed ^ 0x737461676573ULL));
  scenario.candidate = policy_text(chance, weather.tight_limits, weather.swaps ? 1 : 0);   // in fair weather every listener stays
  std::vector<Nanos> times;
  for (int i = 0; i < 6; ++i) times.push_back(milliseconds(chance.below(2500)));
  std::ranges::sort(times);
  constexpr std::array<Unit, 3> kUnits = {Unit::caller, Unit::client, Unit::request};
  const Unit unit = kUnits[chance.below(kUnits.size())];
  scenario.stages = {{.kind = Kind::beside, .at = times[0]}, {.kind = Kind::draw, .at = times[1], .share = 0.3, .unit = unit},
                     {.kind = Kind::change_places, .at = times[2]}, {.kind = Kind::draw, .at = times[3], .share = 0.3, .unit = unit}};
  if (chance.per_mille(500)) scenario.stages.push_back({.kind = Kind::change_places, .at = times[4]});
  if (chance.per_mille(800)) scenario.stages.push_back({.kind = Kind::alone, .at = times[5]});
}

}  // namespace

SocketAddress public_address() { return SocketAddress::parse("10.1.0.1:80").value(); }
SocketAddress inner_address() { return SocketAddress::parse("10.1.0.1:81").value(); }
std::vector<SocketAddress> upstream_addresses() {
  std::vector<SocketAddress> all;
  for (const char* text : {"10.2.0.1:9001", "10.2.0.1:9002", "10.2.0.1:9003"}) all.push_back(SocketAddress::parse(text).value());
  return all;
}

Scenario draw_scenario(std::uint64_t seed, const Weather& weather, Ledger& ledger) {
  Chance chance(mix(seed ^ 0x7363656e6172696fULL));
  Scenario scenario;
  const std::size_t swaps = weather.swaps ? chance.between(1, 6) : 0;
  for (std::size_t i = 0; i <= swaps; ++i) {
    scenario.policies.push_back(policy_text(chance, weather.tight_limits, i));
    if (i > 0) scenario.swaps.push_back(milliseconds(chance.below(2500)));
  }
  std::ranges::sort(scenario.swaps);
  draw_stages(seed, weather, scenario);
  for (int i = 0; weather.shortage && i < 8; ++i) {
    const auto level = [&] { return chance.per_mille(400) ? decide::ShedLevel::none : static_cast<decide::ShedLevel>(chance.below(decide::kShedLevels + 1)); };
    scenario.shortages.push_back({.at = milliseconds(chance.below(2500)), .load = {.memory = level(), .descriptors = level()}});
  }
  if (weather.shortage) scenario.shortages.push_back({.at = milliseconds(2500), .load = {}});
  if (weather.drain_early || weather.cut_short) scenario.drain = milliseconds(chance.between(100, 2500));

  for (std::size_t i = 0; i < weather.connections; ++i) {
    ConnectionPlan plan{.to = chance.per_mille(150) ? inner_address() : public_address(), .starts = milliseconds(chance.below(1500))};
    plan.manner = draw_manner(chance, weather.client_trouble);
    const std::size_t groups = chance.between(1, 8);
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t size = chance.per_mille(700) ? 1 : chance.between(2, 5);
      std::vector<std::size_t>& group = plan.groups.emplace_back();
      for (std::size_t n = 0; n < size; ++n) {
        const Ask& ask = ledger.asks.emplace_back(draw_ask(chance, ledger.asks.size(), i, weather.client_trouble > 0));
        group.push_back(ask.token);
        // Nothing may be sent behind these: what follows on the connection is another language, or nothing.
        if (!ask.proper || ask.websocket || ask.waits_for_continue || ask.closes) break;
      }
      const Ask& last = ledger.asks.back();
      if (!last.proper || last.websocket || last.closes) break;
    }
    scenario.connections.push_back(std::move(plan));
  }
  return scenario;
}

}  // namespace weir::simulated
