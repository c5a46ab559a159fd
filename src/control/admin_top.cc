// /api/v1/top of the admin interface: who asks how often.
#include <charconv>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "control/admin.h"
#include "control/gateway.h"
#include "control/top.h"
#include "control/traffic_json.h"
#include "http/query.h"

namespace weir::control {
namespace {

constexpr unsigned kLongestLook = 60;  // seconds

using Answer = io::Task<AdminReply>;

std::optional<record::CallerEntry> entry_of(store::CallerDirectory& directory,
                                            const exporting::TrafficSubject& subject) {
  const auto name = record::CallerName::of(
      subject.by_address ? record::CallerKind::client : record::CallerKind::credential,
      subject.caller);
  const auto found = directory.find(name.name);
  if (!found) return std::nullopt;
  for (const record::CallerEntry& entry : *found) {
    if (entry.name == name) return entry;
  }
  return std::nullopt;
}

Answer traffic(Gateway& gateway, TrafficQuestion question) {
  const Stamp now = gateway.loop().refresh();
  gateway.traffic_feed().turn(now);
  TrafficFacts facts{.names = gateway.names(),
                     .revision = gateway.policy().revision,
                     .at = gateway.loop().wall(),
                     .look = gateway.traffic_feed().traffic().look(question.by, now)};
  const std::string directory = gateway.data_dir().file("callers.db");
  co_return AdminReply{.body = co_await gateway.study().run(gateway.loop(), [&] {
    if (question.by != exporting::TrafficBy::caller)
      return traffic_json(std::move(facts), question);
    // As far as it is written; without one the gateway's own mean is all there is.
    auto known =
        store::CallerDirectory::open(directory, {.mode = store::CallerDirectory::Mode::read});
    if (known)
      facts.caller = [&](const exporting::TrafficSubject& subject) {
        return entry_of(*known, subject);
      };
    return traffic_json(std::move(facts), question);
  })};
}

io::Task<TopLook> look(Gateway& gateway) {
  const WallTime now = gateway.loop().wall();
  co_return co_await gateway.study().run(gateway.loop(), [&gateway, now] {
    TopLook look{.at = now, .counts = exporting::read_metrics(gateway.shards())};
    for (const auto& worker : gateway.workers())
      look.finished.push_back(worker->records().ring().finished());
    return look;
  });
}

// Exchanges that finished between two looks, as far as the rings still hold them.
std::vector<exporting::KeptExchange> between(Gateway& gateway, const TopLook& before,
                                             const TopLook& after) {
  std::vector<exporting::KeptExchange> all;
  for (std::size_t i = 0; i < gateway.workers().size(); ++i) {
    std::uint64_t from = before.finished[i];
    auto some =
        gateway.workers()[i]->records().ring().since(from, after.finished[i] - before.finished[i]);
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

// n=N rows. by=caller|route|endpoint|edge: beside what is usual. Else seconds=N: between two looks
// at the counters.
Answer top(Gateway& gateway, const AdminRequest& request) {
  const auto question = traffic_question(request.query);
  if (!question) co_return admin_error(400, to_string(question.error()));
  if (http::query_value(request.query, "by")) co_return co_await traffic(gateway, *question);
  unsigned seconds = 1;
  if (const auto digits = http::query_value(request.query, "seconds")) {
    const auto [end, error] =
        std::from_chars(digits->data(), digits->data() + digits->size(), seconds);
    if (error != std::errc() || end != digits->data() + digits->size() || seconds == 0 ||
        seconds > kLongestLook) {
      co_return admin_error(400, "seconds is a number from 1 to 60");
    }
  }
  const TopLook before = co_await look(gateway);
  if (!co_await gateway.loop().sleep_for(std::chrono::seconds(seconds)))
    co_return admin_error(503, "the gateway is ending");
  const TopLook after = co_await look(gateway);
  const proxy::Snapshot live = gateway.snapshot();
  co_return AdminReply{.body = co_await gateway.study().run(gateway.loop(), [&] {
    return top_json({.policy = *live.policy,
                     .names = gateway.names(),
                     .in_flight = gateway.in_flight(),
                     .before = before,
                     .after = after,
                     .exchanges = between(gateway, before, after),
                     .rows = question->most});
  })};
}

}  // namespace

std::vector<AdminRoute> top_routes(Gateway& gateway) {
  return {{"GET", "/api/v1/top", false,
           [&gateway](const AdminRequest& request) { return top(gateway, request); }}};
}

}  // namespace weir::control
