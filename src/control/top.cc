#include "control/top.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "control/text.h"
#include "export/traffic.h"
#include "fmt/core.h"
#include "model/cause.h"
#include "model/standing.h"

namespace weir::control {
namespace {

using exporting::KeptExchange;
using exporting::MetricsSnapshot;

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }

bool is_answer(Cause cause) {
  return cause == Cause::none || cause == Cause::direct_response || cause == Cause::redirect ||
         cause == Cause::cors_preflight;
}

struct Row {
  std::uint64_t count = 0, refused = 0, failed = 0;
  Histogram seconds;
  void add(Cause cause, std::uint64_t n) {
    count += n;
    if (exporting::is_refused(cause))
      refused += n;
    else if (!is_answer(cause))
      failed += n;
  }
};

class Top {
 public:
  explicit Top(const TopFacts& facts)
      : facts_(facts),
        seconds_(std::max(0.001,
                          static_cast<double>((facts.after.at - facts.before.at).count()) / 1e9)) {
    requests();
    latencies();
    endpoints();
    exchanges();
  }

  std::string write() {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .field("at", time_text(facts_.after.at))
        .field("revision", fmt::format("r{}", facts_.policy.revision));
    json.field("seconds", seconds_);
    write_rates(json, total_);
    json.field("in_flight", flight());
    json.field("exchanges", total_.count).field("exchanges_seen", facts_.exchanges.size());
    write_routes(json);
    write_callers(json);
    write_endpoints(json);
    write_causes(json);
    json.end_object();
    return out + "\n";
  }

 private:
  double rate(std::uint64_t count) const { return static_cast<double>(count) / seconds_; }
  // Of exchanges that were looked at, as if all had been.
  double estimated(std::uint64_t count) const {
    const std::size_t seen = facts_.exchanges.size();
    return seen == 0 ? 0
                     : rate(count) * std::max(1.0, static_cast<double>(total_.count) /
                                                       static_cast<double>(seen));
  }

  void requests() {
    std::map<std::tuple<NameId, NameId, std::uint8_t, Cause, bool>, std::uint64_t> before;
    const auto key = [](const MetricsSnapshot::Requests& row) {
      return std::tuple(row.route, row.upstream, row.code_class, row.cause, row.overflow);
    };
    for (const auto& row : facts_.before.counts.requests) before[key(row)] = row.count;
    for (const auto& row : facts_.after.counts.requests) {
      const std::uint64_t count = row.count - before[key(row)];
      if (count == 0) continue;
      routes_[row.overflow ? NameId::none().value : row.route.value].add(row.cause, count);
      total_.add(row.cause, count);
      if (!is_answer(row.cause)) causes_[row.cause].count += count;
    }
  }

  void latencies() {
    std::unordered_map<std::uint32_t, const Histogram*> before;
    for (const auto& row : facts_.before.counts.routes) {
      if (!row.overflow) before.emplace(row.route.value, &row.seconds);
    }
    for (const auto& row : facts_.after.counts.routes) {
      if (row.overflow) continue;
      const auto old = before.find(row.route.value);
      Histogram& into = routes_[row.route.value].seconds;
      for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
        const std::uint64_t count =
            row.seconds.counts()[i] - (old == before.end() ? 0 : old->second->counts()[i]);
        if (count > 0) into.add_bucket(i, count);
      }
      total_.seconds.merge(into);
    }
  }

  void endpoints() {
    std::map<std::pair<NameId, NameId>, std::uint64_t> before;
    for (const auto& row : facts_.before.counts.endpoints)
      before[{row.upstream, row.endpoint}] += row.count;
    for (const auto& row : facts_.after.counts.endpoints) {
      picks_[{row.upstream, row.endpoint}] = row.count - before[{row.upstream, row.endpoint}];
      upstream_picks_[row.upstream] += row.count - before[{row.upstream, row.endpoint}];
    }
  }

  void exchanges() {
    for (const KeptExchange& each : facts_.exchanges) {
      const ExchangeRecord& record = each.record;
      const bool by_address = each.caller.empty();  // a name and an address that look alike are two
      callers_[{by_address, by_address ? to_string(caller_address(record.client)) : each.caller}]
          .add(record.cause, 1);
      if (record.response_time.count() > 0)
        responses_[{record.upstream, record.endpoint}].add(record.response_time);
      if (!is_answer(record.cause) && record.rule.valid())
        ++causes_[record.cause].rules[record.rule];
    }
  }

  // An endpoint of two upstreams is one, and counted as one.
  std::uint64_t flight() const {
    std::set<std::uint64_t> distinct;
    for (const Endpoint& endpoint : facts_.policy.endpoints) distinct.insert(endpoint.identity);
    std::uint64_t sum = 0;
    for (const std::uint64_t identity : distinct) sum += facts_.in_flight.count(identity);
    return sum;
  }

  void write_quantiles(JsonWriter& json, const Histogram& seconds) const {
    for (const auto& [name, quantile] : {std::pair("p50_ms", 0.5), std::pair("p99_ms", 0.99)}) {
      json.key(name);
      if (seconds.count() == 0)
        json.null();
      else
        json.value(milliseconds(seconds.quantile(quantile)));
    }
  }

  void write_rates(JsonWriter& json, const Row& row) const {
    json.field("rate", rate(row.count))
        .field("refused_rate", rate(row.refused))
        .field("failed_rate", rate(row.failed));
    write_quantiles(json, row.seconds);
  }

  // The first TopFacts::rows by `count`, names breaking ties.
  template <class Map, class Count>
  std::vector<const typename Map::value_type*> most(const Map& rows, const Count& count) const {
    std::vector<const typename Map::value_type*> order;
    for (const auto& row : rows) {
      if (count(row.second) > 0) order.push_back(&row);
    }
    std::ranges::sort(order, [&](const auto* a, const auto* b) {
      return std::pair(count(b->second), a->first) < std::pair(count(a->second), b->first);
    });
    if (order.size() > facts_.rows) order.resize(facts_.rows);
    return order;
  }

  void write_routes(JsonWriter& json) const {
    json.key("routes").begin_array();
    for (const auto* row : most(routes_, [](const Row& r) { return r.count; })) {
      const NameId name{row->first};
      json.begin_object().field(
          "name", name.valid() ? facts_.names.text(name) : std::string_view("(no route)"));
      write_rates(json, row->second);
      json.end_object();
    }
    json.end_array();
  }

  void write_callers(JsonWriter& json) const {
    json.field("callers_seen", callers_.size()).key("callers").begin_array();
    for (const auto* row : most(callers_, [](const Row& r) { return r.count; })) {
      json.begin_object()
          .field("name", row->first.second)
          .field("rate", estimated(row->second.count));
      json.field("refused_rate", estimated(row->second.refused)).end_object();
    }
    json.end_array();
  }

  void write_endpoints(JsonWriter& json) const {
    std::unordered_map<std::uint32_t, std::uint64_t> identities;
    for (const Endpoint& endpoint : facts_.policy.endpoints)
      identities.emplace(endpoint.name.value, endpoint.identity);
    json.key("endpoints").begin_array();
    for (const auto* row : most(picks_, [](std::uint64_t n) { return n; })) {
      const auto& [upstream, endpoint] = row->first;
      const auto identity = identities.find(endpoint.value);
      json.begin_object()
          .field("upstream", facts_.names.text(upstream))
          .field("endpoint", facts_.names.text(endpoint));
      json.field("rate", rate(row->second));
      json.field("share", static_cast<double>(row->second) /
                              static_cast<double>(upstream_picks_.at(upstream)));
      json.field("in_flight",
                 identity == identities.end() ? 0 : facts_.in_flight.count(identity->second))
          .key("p99_ms");
      const auto response = responses_.find(row->first);
      if (response == responses_.end())
        json.null();
      else
        json.value(milliseconds(response->second.quantile(0.99)));
      json.end_object();
    }
    json.end_array();
  }

  void write_causes(JsonWriter& json) const {
    json.key("causes").begin_array();
    for (const auto* row : most(causes_, [](const ByCause& c) { return c.count; })) {
      json.begin_object()
          .field("cause", info(row->first).name)
          .field("side", to_string(info(row->first).side));
      json.field("rate", rate(row->second.count)).key("rules").begin_array();
      for (const auto* rule : most(row->second.rules, [](std::uint64_t n) { return n; }))
        json.value(facts_.names.text(rule->first));
      json.end_array().end_object();
    }
    json.end_array();
  }

  struct ByCause {
    std::uint64_t count = 0;
    std::map<NameId, std::uint64_t> rules;
  };

  const TopFacts& facts_;
  const double seconds_;
  Row total_;
  std::map<std::uint32_t, Row> routes_;
  std::map<std::pair<bool, std::string>, Row> callers_;  // whether by address, and the name
  std::map<std::pair<NameId, NameId>, std::uint64_t> picks_;
  std::map<NameId, std::uint64_t> upstream_picks_;
  std::map<std::pair<NameId, NameId>, Histogram> responses_;
  std::map<Cause, ByCause> causes_;
};

}  // namespace

std::string top_json(const TopFacts& facts) { return Top(facts).write(); }

}  // namespace weir::control
