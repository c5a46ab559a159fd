#include "logs.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

namespace mutants {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

// Who answers: the endpoint whose picks are furthest behind its weight.
class Picker {
 public:
  explicit Picker(const Gateway& gateway) : gateway_(gateway) {}
  std::string_view pick(const Route& route) {
    const std::string* best_upstream = &route.to[0].first;
    if (route.to.size() > 1) {
      std::vector<double>& had = split_[route.name];
      had.resize(route.to.size());
      std::size_t best = 0;
      for (std::size_t i = 1; i < route.to.size(); ++i) {
        if ((had[i] + 1) / route.to[i].second < (had[best] + 1) / route.to[best].second) best = i;
      }
      ++had[best];
      best_upstream = &route.to[best].first;
    }
    const auto upstream = std::ranges::find(gateway_.upstreams, *best_upstream, &Upstream::name);
    const Endpoint* best = nullptr;
    double least = 0;
    for (const Endpoint& endpoint : upstream->endpoints) {
      const double behind = (picks_[endpoint.address] + 1) / endpoint.weight;
      if (best != nullptr && behind >= least) continue;
      best = &endpoint;
      least = behind;
    }
    ++picks_[best->address];
    return best->address;
  }

 private:
  const Gateway& gateway_;
  std::map<std::string, double> picks_;
  std::map<std::string, std::vector<double>> split_;
};

struct Line {
  std::int64_t end;  // ms
  std::uint32_t request;
  std::uint32_t took;  // ms
};

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

}  // namespace

Logs write_logs(const Traffic& traffic, const Gateway& base, const Outcome& outcome) {
  Picker picker(base);
  std::vector<Line> lines;
  std::vector<std::string_view> endpoints;  // of each request; "": nobody
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const Request& request = traffic.requests[i];
    std::int64_t micros = 0;
    endpoints.emplace_back();
    if (outcome.refusals[i] == Refusal::none) {
      const auto route = static_cast<std::size_t>(outcome.routes[i]);
      if (!base.routes[route].to.empty()) {
        endpoints.back() = picker.pick(base.routes[route]);
        micros = std::min<std::int64_t>(request.micros, outcome.timeouts[route]);
      }
    }
    const std::int64_t begin = request.at / kMillisecond,
                       end = (request.at + micros * 1000) / kMillisecond;
    lines.push_back({.end = end,
                     .request = static_cast<std::uint32_t>(i),
                     .took = static_cast<std::uint32_t>(end - begin)});
  }
  std::ranges::sort(lines, {}, [](const Line& each) { return std::pair(each.end, each.request); });

  Logs logs;
  char text[512], clock[64];
  for (const Line& line : lines) {
    const Request& request = traffic.requests[line.request];
    const Template& asked = kTemplates[request.target];
    const std::int8_t route = outcome.routes[line.request];
    const unsigned status =
        status_of(request, outcome.refusals[line.request],
                  route < 0 ? 0 : outcome.timeouts[static_cast<std::size_t>(route)]);
    const std::string client = dotted(request.client), path = path_of(request);
    const std::string_view owner =
        request.caller < 0
            ? ""
            : std::string_view(traffic.callers[static_cast<std::size_t>(request.caller)].name);
    const std::string_view service =
        request.service < 0 ? "" : kServices[static_cast<std::size_t>(request.service)];
    const std::string_view endpoint = endpoints[line.request];
    char who[128];
    std::snprintf(who, sizeof who, "%s \"%s\" \"%s\" \"%s\"\n",
                  std::string(kHosts[asked.host]).c_str(), std::string(or_dash(owner)).c_str(),
                  std::string(or_dash(service)).c_str(), request.canary ? "always" : "-");
    char took[32] = "-";
    if (!endpoint.empty())
      std::snprintf(took, sizeof took, "%u.%03u", line.took / 1000, line.took % 1000);
    const std::string method(kMethods[asked.method]);
    std::snprintf(text, sizeof text, "%s %lld.%03lld \"%s %s HTTP/1.1\" %u %u.%03u %s %s %s",
                  client.c_str(), static_cast<long long>(line.end / 1000),
                  static_cast<long long>(line.end % 1000), method.c_str(), path.c_str(), status,
                  line.took / 1000, line.took % 1000, took, std::string(or_dash(endpoint)).c_str(),
                  who);
    logs.full += text;
    const auto second = static_cast<std::time_t>(line.end / 1000);
    std::tm parts{};
    gmtime_r(&second, &parts);
    std::strftime(clock, sizeof clock, "%d/%b/%Y:%H:%M:%S +0000", &parts);
    std::snprintf(text, sizeof text, "%s [%s] \"%s %s HTTP/1.1\" %u %s", client.c_str(), clock,
                  method.c_str(), path.c_str(), status, who);
    logs.plain += text;
  }
  return logs;
}

}  // namespace mutants
