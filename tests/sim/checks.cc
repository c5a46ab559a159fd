#include "checks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "decide/admission.h"
#include "model/cause.h"

namespace weir::simulated {
namespace {

// Every wait of the simulated configuration together, with room: head 2 s, body at 1 KiB/s of at most 150 KB either
// way plus 3 s, connect 3 x 400 ms, response 1.5 s, idle 1 s.
constexpr Nanos kLongest = std::chrono::seconds(40);

using Id = std::pair<std::uint16_t, std::uint64_t>;
Id id_of(ExchangeId exchange) { return {exchange.worker.value, exchange.sequence}; }

std::string name(const Ask& ask) { return fmt::format("{} ({} {})", token_text(ask.token), ask.method, ask.path); }

}  // namespace

void check_records(Ledger& ledger) {
  std::set<Id> arrived, finished;
  for (const ArrivalSeen& seen : ledger.arrivals) {
    if (!arrived.insert(id_of(seen.arrival.exchange)).second) ledger.find("{}: two arrivals of one exchange", seen.path);
  }
  for (const RecordSeen& seen : ledger.records) {
    const ExchangeRecord& record = seen.record;
    if (!finished.insert(id_of(record.exchange)).second) ledger.find("{}: two records of one exchange", seen.path);
    if (!arrived.contains(id_of(record.exchange))) ledger.find("{}: a record without arrival", seen.path);
    if (record.total_time > kLongest && (record.flags & ExchangeRecord::kTunnel) == 0) {
      ledger.find("{}: an exchange of {} ms, cause {}", seen.path, record.total_time.count() / 1'000'000, info(record.cause).name);
    }
    // Connect and response timeouts of three attempts, for requests that are all head.
    if (record.bytes_in == 0 && token_in(seen.path) < ledger.asks.size() && ledger.asks[token_in(seen.path)].body.empty() &&
        record.response_time > std::chrono::seconds(6)) {
      ledger.find("{}: waited {} ms for a head", seen.path, record.response_time.count() / 1'000'000);
    }
    if (record.cause == Cause::none && record.status == 0) ledger.find("{}: neither answer nor cause", seen.path);
    if (record.cause == Cause::internal_error) ledger.find("{}: internal error", seen.path);
    if (record.timeout_phase != Phase::none && record.cause == Cause::none) ledger.find("{}: a timeout without a cause", seen.path);
  }
  if (arrived.size() != finished.size()) ledger.find("{} arrivals, {} records", arrived.size(), finished.size());
  if (ledger.connections_opened != ledger.connections_closed) {
    ledger.find("{} connections opened, {} closed", ledger.connections_opened, ledger.connections_closed);
  }
}

namespace {

// An answer that an upstream gave: token, size and every byte of the body.
void check_passed_on(Ledger& ledger, const Ask& ask, const Weather& weather) {
  const std::size_t token = token_in(ask.answer.get("x-token"));
  if (token != ask.token) return ledger.find("{}: got the answer of {}", name(ask), ask.answer.get("x-token"));
  if (ask.answer.status() == 101) return;
  const std::size_t size = static_cast<std::size_t>(std::stoull("0" + std::string(ask.answer.get("x-size"))));
  const bool bodiless = ask.method == "HEAD" || ask.answer.status() == 204 || ask.answer.status() == 304;
  const std::string expected = bodiless ? std::string() : body_of(token, 'a', size);
  if (!expected.starts_with(ask.answer.body)) return ledger.find("{}: other bytes than its own in the answer", name(ask));
  if (ask.saw != Ask::Saw::whole || ask.answer.body.size() == expected.size()) return;
  // Where the end of a message is the end of a connection nobody can tell a cut from the end.
  const bool delimited_by_close = std::ranges::any_of(ledger.receipts, [&](const Receipt& receipt) {
    return receipt.token == token && receipt.close_delimited && (!receipt.reset_within || weather.network_cuts);
  });
  if (delimited_by_close || (ask.until_close && weather.network_cuts)) return;
  ledger.find("{}: {} of {} bytes, ended as if they were all", name(ask), ask.answer.body.size(), expected.size());
}

// An answer that the gateway made: its form, and that its cause and status go together.
void check_made(Ledger& ledger, const Ask& ask) {
  const int status = ask.answer.status();
  if (ask.path.starts_with("/d/") && status == 200 && (ask.answer.body == "said by the gateway" || ask.method == "HEAD")) return;
  if (ask.path.starts_with("/m/") && status == 308 && ask.answer.get("location").find(token_text(ask.token)) != std::string_view::npos) return;
  if (status < 400) return ledger.find("{}: {} from nobody", name(ask), ask.answer.start);
  if (ask.answer.get("content-type") != "application/problem+json") return ledger.find("{}: a refusal without problem+json", name(ask));
  if (ask.method != "HEAD" && ask.answer.body.find(fmt::format("\"status\":{}", status)) == std::string::npos) {
    ledger.find("{}: status and problem differ: {} {}", name(ask), status, ask.answer.body);
  }
}

void check_record_of(Ledger& ledger, const Ask& ask, const std::map<std::string_view, const RecordSeen*>& records, const Weather& weather) {
  const std::string_view request_id = ask.answer.get("x-request-id");
  const auto found = records.find(request_id);
  if (found == records.end()) return ledger.find("{}: answered without a record ({})", name(ask), request_id);
  const RecordSeen& seen = *found->second;
  // Bytes that never became a head have no path.
  if (!seen.path.empty() && token_in(seen.path) != ask.token) ledger.find("{}: got the answer of exchange {}", name(ask), seen.path);
  if (seen.record.status != ask.answer.status()) ledger.find("{}: status {}, recorded {}", name(ask), ask.answer.status(), seen.record.status);
  const bool tunnel = (seen.record.flags & ExchangeRecord::kTunnel) != 0;
  if (ask.saw == Ask::Saw::whole && seen.record.cause == Cause::body_truncated && !tunnel && !(ask.until_close && weather.network_cuts)) {
    ledger.find("{}: whole, recorded as cut", name(ask));
  }
}

// An answer to HTTP/1.0 that is delimited by its close and was cut short can be told from a whole one by a reset alone.
// At a peer where a reset erases what was not read, it takes earlier answers of a pipeline along: the lesser harm, for a
// truncated answer dressed as whole is believed (RFC 9112 8). Seed 245.
bool lost_to_a_later_reset(const Ledger& ledger, const Ask& ask, const Weather& weather) {
  if (weather.network.reset_erases == 0) return false;
  return std::ranges::any_of(ledger.records, [&](const RecordSeen& seen) {
    const std::size_t token = token_in(seen.path);
    if (token <= ask.token || token >= ledger.asks.size()) return false;
    const Ask& later = ledger.asks[token];
    const bool cut = seen.record.status != 0 && seen.record.upstream_status != 0 && seen.record.cause != Cause::none &&
                     seen.record.cause != Cause::upstream_error;
    return later.connection == ask.connection && later.http10 && cut;
  });
}

// What the gateway took for delivered was delivered, where neither network nor client broke the connection.
void check_delivery(Ledger& ledger, const Weather& weather) {
  if (weather.network_cuts || weather.cut_short) return;
  for (const RecordSeen& seen : ledger.records) {
    const std::size_t token = token_in(seen.path);
    if (token >= ledger.asks.size() || seen.record.status == 0) continue;
    const Ask& ask = ledger.asks[token];
    const Cause cause = seen.record.cause;
    const bool failed = cause == Cause::client_gone || cause == Cause::body_truncated ||
                        (seen.record.upstream_status != 0 && cause != Cause::none && cause != Cause::upstream_error);
    if (!failed && !ask.spoiled && ask.saw != Ask::Saw::whole && !lost_to_a_later_reset(ledger, ask, weather)) {
      ledger.find("{}: recorded as answered with {} ({}), but the client has not got it", name(ask), seen.record.status, info(cause).name);
    }
  }
}

// The route of /b/ gives an exchange 4 s in all (scenario.cc), also where its client takes longer to read an answer that came in time.
bool outlasts_its_total(const Ask& ask, const std::map<std::string_view, const RecordSeen*>& records) {
  const auto found = records.find(ask.answer.get("x-request-id"));
  if (found == records.end() || !ask.path.starts_with("/b/")) return false;
  const ExchangeRecord& record = found->second->record;
  return record.cause == Cause::deadline_expired && record.total_time >= std::chrono::seconds(4) &&
         record.response_time < std::chrono::milliseconds(700);
}

// More at once than its route and its upstream take.
bool not_admitted(const Ask& ask) {
  return ask.method == "HEAD" ? ask.answer.status() == 429 || ask.answer.status() == 503
                              : std::ranges::any_of(std::array{"concurrency_rejected", "shed_overload", "breaker_open", "gateway_overloaded"}, [&](const char* cause) {
                                  return ask.answer.body.find(fmt::format("\"cause\":\"{}\"", cause)) != std::string::npos;
                                });
}

// What cannot have failed did not: the fair-weather promise.
void check_success(Ledger& ledger, const Ask& ask) {
  const int status = ask.answer.status();
  if (ask.saw != Ask::Saw::whole) return ledger.find("{}: not answered in fair weather", name(ask));
  if (!ask.answer.get("x-token").empty()) return;   // what upstreams say is theirs
  const char place = ask.path[1];
  if (status == 413) return;   // the second listener has a cap
  const bool right = place == 'd' ? status == 200 : place == 'm' ? status == 308 : place == 'z' ? status == 404
                     : place == 'k' ? not_admitted(ask)
                     : place == 'r' ? status == 405 : place == 's' ? status == 401 : place == 'l' || place == 'i' ? status == 429 : false;
  if (!right) ledger.find("{}: {} in fair weather: {}", name(ask), status, ask.answer.body);
}

}  // namespace

void check_answers(Ledger& ledger, const Weather& weather) {
  std::map<std::string_view, const RecordSeen*> records;
  for (const RecordSeen& seen : ledger.records) records.emplace(seen.request_id, &seen);
  check_delivery(ledger, weather);
  // On a connection that an earlier answer or failure ended, later requests are nobody's.
  std::map<std::size_t, bool> ended;
  for (const Ask& ask : ledger.asks) {
    if (ask.late) ledger.find("{}: nothing for {} s", name(ask), 60);
    if (ask.saw == Ask::Saw::garbled) {
      ledger.find("{}: the answer is garbled: {}", name(ask), ask.problem);
      continue;
    }
    const bool answered = ask.answer.status() != 0 && (ask.saw == Ask::Saw::whole || ask.saw == Ask::Saw::cut);
    if (answered && ask.saw == Ask::Saw::whole) {
      if (ask.answer.get("x-token").empty()) {
        check_made(ledger, ask);
      } else {
        check_passed_on(ledger, ask, weather);
      }
      check_record_of(ledger, ask, records, weather);
      if (ask.bad_head && ask.answer.status() < 400 && ask.answer.get("x-token").empty()) ledger.find("{}: not refused", name(ask));
    } else if (answered && !ask.answer.get("x-token").empty()) {
      check_passed_on(ledger, ask, weather);
    }
    bool& over = ended[ask.connection];
    if (weather.fair() && !over && !outlasts_its_total(ask, records)) check_success(ledger, ask);
    // An answer before the end of the request's body may cost the connection.
    const bool early = !ask.body.empty() && ask.answer.get("x-token").empty();
    over = over || early || ask.saw != Ask::Saw::whole || ask.answer.get("connection") == "close" || ask.http10 || !ask.sent_all;
  }
}

void check_repeats(Ledger& ledger) {
  std::map<std::size_t, std::vector<const Receipt*>> by_token;
  for (const Receipt& receipt : ledger.receipts) by_token[receipt.token].push_back(&receipt);
  for (const auto& [token, receipts] : by_token) {
    if (receipts.size() == 1) continue;
    const Ask& ask = ledger.asks[token];
    const bool repeatable = ask.body.empty() && ask.method != "POST";
    if (!repeatable) ledger.find("{}: received {} times", name(ask), receipts.size());
    if (receipts.size() > 2) ledger.find("{}: received {} times", name(ask), receipts.size());
    if (receipts.front()->nth == 0) ledger.find("{}: repeated though its connection was new", name(ask));
  }
}

// Admitted by a limit is who was let pass by all limits of its route; the buckets of one limit are told apart by what
// the policy text says its key is. Where a limit changed it is another limit.
void check_limits(Ledger& ledger, std::span<const std::shared_ptr<const Policy>> policies, std::span<const std::size_t> tables,
                  const NameTable& names, std::size_t workers) {
  struct Bucket {
    Rate rate;
    std::uint64_t burst = 0;
    std::vector<Stamp> admitted;
  };
  std::map<std::tuple<std::string, std::uint64_t, std::uint64_t, std::string, std::size_t>, Bucket> buckets;
  for (const ArrivalSeen& seen : ledger.arrivals) {
    const bool passed = seen.arrival.cause == Cause::none || seen.arrival.cause == Cause::no_healthy_endpoint ||
                        decide::is_admission(seen.arrival.cause);
    if (!passed || !seen.has_facts || seen.arrival.revision == 0) continue;
    const Policy& policy = *policies[seen.arrival.revision - 1];
    for (const Route& route : policy.routes) {
      if (names.text(route.name) != seen.route) continue;
      for (const LimitId id : route.limits) {
        const Limit& limit = policy.limits[id.index()];
        const std::string_view called = names.text(limit.name);
        const std::string key = called == "spike" ? "" : called == "per-ip" || seen.caller.empty() ? seen.client : "caller " + seen.caller;
        Bucket& bucket = buckets[{std::string(called), limit.rate.count, limit.burst, key, tables[seen.arrival.revision - 1]}];
        bucket.rate = limit.rate;
        bucket.burst = limit.burst;
        bucket.admitted.push_back(seen.arrival.stamp);
      }
    }
  }
  for (auto& [key, bucket] : buckets) {
    std::ranges::sort(bucket.admitted);
    // The most over all spans in one pass: count - rate x time since the start, against its lowest value so far.
    double lowest = 0;
    for (std::size_t i = 0; i < bucket.admitted.size(); ++i) {
      const double owed = bucket.rate.per_second() * static_cast<double>((bucket.admitted[i] - bucket.admitted[0]).count()) / 1e9;
      lowest = std::min(lowest, static_cast<double>(i) - owed);
      const double excess = static_cast<double>(i + 1) - owed - lowest;
      if (excess > static_cast<double>(bucket.burst) + static_cast<double>(workers - 1) + 1e-6) {
        ledger.find("limit {} admitted {:.3f} above its rate for '{}', its burst is {}", std::get<0>(key), excess, std::get<3>(key), bucket.burst);
        break;
      }
    }
  }
}

}  // namespace weir::simulated
