// The paths of the admin interface and what answers them. Whatever has to be collected or written
// out is done on the study; the control thread only gathers what belongs to it and waits.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/json.h"
#include "control/admin.h"
#include "control/apply_body.h"
#include "control/callers_json.h"
#include "control/deploy_json.h"
#include "control/exchange_json.h"
#include "control/explain.h"
#include "control/gateway.h"
#include "control/policy_json.h"
#include "control/status_json.h"
#include "export/metrics_text.h"
#include "export/process_stats.h"
#include "fmt/core.h"
#include "http/percent.h"
#include "http/query.h"
#include "model/request_id.h"

namespace weir::control {
namespace {

constexpr std::string_view kExchanges = "/api/v1/exchanges/", kCallers = "/api/v1/callers/",
                           kRevisions = "/api/v1/revisions/";
constexpr std::size_t kMostRevisions = 1000;  // in one answer
constexpr std::string_view kNoRequestId =
    "a request id of weir has 32 hex digits (X-Request-Id of its answers)";

using Answer = io::Task<AdminReply>;

// The handlers; one object lives as long as the routes that refer to it.
class Api {
 public:
  explicit Api(Gateway& gateway) : gateway_(gateway) {}

  Answer healthz(const AdminRequest&) {
    co_return AdminReply{.content_type = "text/plain", .body = "ok\n"};
  }

  Answer readyz(const AdminRequest&) {
    if (gateway_.draining())
      co_return AdminReply{.status = 503, .content_type = "text/plain", .body = "draining\n"};
    co_return AdminReply{.content_type = "text/plain",
                         .body = fmt::format("ready r{}\n", gateway_.policy().revision)};
  }

  Answer status(const AdminRequest&) {
    const proxy::Snapshot live = gateway_.snapshot();
    const Applied last = gateway_.last_change();
    StatusFacts facts{
        .policy = *live.policy,
        .names = gateway_.names(),
        .last_change = last,
        .changes_applied = gateway_.changes_applied(),
        .changes_refused = gateway_.changes_refused(),
        .conditions = live.conditions->number,
        .configuration = gateway_.path().empty() ? live.policy->files.front() : gateway_.path(),
        .data_dir = gateway_.data_dir().path(),
        .rollout = gateway_.rollout_json(),
        .deploys = deploys_under_way_json(gateway_.traffic_feed().deploys(), gateway_.loop().wall()),
        .workers = gateway_.workers().size(),
        .draining = gateway_.draining(),
        .pid = static_cast<std::uint32_t>(::getpid()),
        .started = gateway_.started(),
        .now = gateway_.loop().wall(),
        .scribe = gateway_.scribe().status(),
        .follower = gateway_.follower().status(),
        .callers = gateway_.caller_feed().status(),
        .overload = gateway_.protection().states(),
        .overrides = gateway_.overrides().all(),
        .stamp = gateway_.loop().refresh()};
    co_return AdminReply{.body = co_await study([&] {
                           facts.drift = drift(*live.policy);
                           facts.counts = exporting::read_metrics(gateway_.shards());
                           facts.process = exporting::read_process_stats(gateway_.descriptor_tables(), WorkerThread::kKept);
                           return status_json(facts);
                         })};
  }

  Answer config(const AdminRequest&) {
    const proxy::Snapshot live = gateway_.snapshot();
    co_return AdminReply{.body = co_await study([&] {
                           std::string out;
                           JsonWriter json(out);
                           json.begin_object()
                               .field("revision", fmt::format("r{}", live.policy->revision))
                               .field("hash", live.policy->hash);
                           json.key("files").begin_array();
                           for (const std::string& file : live.policy->files) json.value(file);
                           json.end_array().field("text", live.policy->text).end_object();
                           return out + "\n";
                         })};
  }

  Answer routes(const AdminRequest&) {
    const proxy::Snapshot live = gateway_.snapshot();
    co_return AdminReply{.body = co_await study([&] {
                           return routes_json(*live.policy, gateway_.names(), counts());
                         })};
  }

  Answer upstreams(const AdminRequest&) {
    const proxy::Snapshot live = gateway_.snapshot();
    const Stamp now = gateway_.loop().refresh();
    gateway_.traffic_feed().turn(now);
    std::vector<std::optional<double>> amplification;
    for (const Upstream& upstream : live.policy->upstreams)
      amplification.push_back(gateway_.traffic_feed().amplification().of(upstream.name, now));
    const std::vector<decide::EndpointState> health = gateway_.conditions().health().states();
    const std::vector<std::optional<double>> ratios = gateway_.conditions().share_ratios();
    co_return AdminReply{.body = co_await study([&] {
                           return upstreams_json(*live.policy, gateway_.names(), counts(),
                                                 {.conditions = *live.conditions,
                                                  .health = health,
                                                  .in_flight = gateway_.in_flight(),
                                                  .amplification = amplification,
                                                  .share_ratios = ratios});
                         })};
  }

  Answer limits(const AdminRequest&) {
    const proxy::Snapshot live = gateway_.snapshot();
    co_return AdminReply{.body = co_await study([&] {
                           return limits_json(*live.policy, gateway_.names(), counts(), live.conditions->learned.get());
                         })};
  }

  Answer exchange(const AdminRequest& request) {
    const std::string id = request.path.substr(kExchanges.size());
    const auto parsed = parse_request_id(id);
    if (!parsed) co_return admin_error(400, kNoRequestId);
    const auto kept = find(*parsed);
    if (!kept) co_return unknown(*parsed);
    AdminReply reply;
    JsonWriter json(reply.body);
    write_exchange(json, *kept, gateway_.names());
    reply.body += '\n';
    co_return reply;
  }

  Answer explain(const AdminRequest& request) {
    auto body = co_await study([&] { return read_explain(request.body); });
    if (!body) co_return admin_error(400, to_string(body.error()));
    std::optional<exporting::KeptExchange> kept;
    std::optional<ExplainQuestion> question;
    if (body->request_id.empty()) {
      question = std::move(body->question);
      question->exchange = {.worker = WorkerId{0}, .sequence = explained_++};
    } else {
      const auto id = parse_request_id(body->request_id);
      if (!id) co_return admin_error(400, kNoRequestId);
      kept = find(*id);
      if (!kept) co_return unknown(*id);
      question = question_of(*kept);
    }
    const proxy::Snapshot live = gateway_.snapshot();
    const auto known = gateway_.known_callers();
    const ExplainWorld world{.policy = *live.policy,
                             .names = gateway_.names(),
                             .keys = *live.keys,
                             .conditions = *live.conditions,
                             .limits = gateway_.limits(),
                             .in_flight = gateway_.in_flight(),
                             .seed = gateway_.data_dir().key(),
                             .now = gateway_.loop().refresh(),
                             .wall = gateway_.loop().wall(),
                             .own = own_load(gateway_.protection().states(), known.get())};
    co_return AdminReply{.body = co_await study([&] {
                           std::string out;
                           JsonWriter json(out);
                           json.begin_object().field("live", true).key("exchange");
                           if (kept)
                             write_exchange(json, *kept, world.names);
                           else
                             json.null();
                           json.key("decision");
                           if (question)
                             write_explanation(json, *question, world);
                           else
                             json.null();
                           json.end_object();
                           return out + "\n";
                         })};
  }

  // by=refused|requests|last_seen, limit=N
  Answer callers(const AdminRequest& request) {
    const auto question = callers_question(request.query);
    if (!question) co_return admin_error(400, to_string(question.error()));
    const WallTime now = gateway_.loop().wall();
    co_return reply_of(co_await study([&]() -> Result<std::string> {
      auto directory = directory_of_now();
      if (!directory) return std::unexpected(directory.error());
      return callers_json(*directory, *question, now);
    }));
  }

  Answer caller(const AdminRequest& request) {
    const auto name = http::percent_decode(std::string_view(request.path).substr(kCallers.size()));
    if (!name)
      co_return admin_error(400, "the name of the caller is not percent-encoded as it should be");
    const WallTime now = gateway_.loop().wall();
    co_return reply_of(co_await study([&]() -> Result<std::string> {
      auto directory = directory_of_now();
      if (!directory) return std::unexpected(directory.error());
      return caller_json(*directory, *name, now);
    }));
  }

  Answer apply(const AdminRequest& request) {
    auto question = co_await study([&] { return read_apply(request.body); });
    if (!question) co_return admin_error(400, to_string(question.error()));
    question->person = question->person && request.local;
    co_return reply_of(co_await gateway_.apply(std::move(*question)));
  }

  Answer rollback(const AdminRequest& request) {
    auto question = read_rollback(request.body);
    if (!question) co_return admin_error(400, to_string(question.error()));
    co_return reply_of(co_await gateway_.roll_back(question->to, question->person && request.local, std::move(question->author),
                                                   std::move(question->reason)));
  }

  Answer rollout(const AdminRequest&) { co_return rollout_reply(); }

  Answer promote(const AdminRequest& request) {
    auto by = read_rollback(request.body);
    if (!by) co_return admin_error(400, to_string(by.error()));
    const auto done = co_await gateway_.promote(by->person && request.local, std::move(by->author));
    if (!done) co_return admin_error(done.error().kind == ErrorKind::busy ? 409 : 422, to_string(done.error()));
    co_return rollout_reply();
  }

  Answer confirm(const AdminRequest&) {
    const auto done = co_await gateway_.confirm();
    if (!done) co_return admin_error(done.error().kind == ErrorKind::busy ? 409 : 422, to_string(done.error()));
    co_return rollout_reply();
  }

  // limit=N (100), below=rN: the newest first.
  Answer revisions(const AdminRequest& request) {
    std::size_t most = 100;
    std::uint32_t below = 0;
    if (const auto limit = http::query_value(request.query, "limit")) {
      const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), most);
      if (error != std::errc() || end != limit->data() + limit->size() || most == 0 ||
          most > kMostRevisions)
        co_return admin_error(400, "limit is a number from 1 to 1,000");
    }
    if (const auto text = http::query_value(request.query, "below")) {
      below = read_revision(*text);
      if (below == 0) co_return admin_error(400, "below is a revision, such as r42");
    }
    const std::uint32_t live = gateway_.policy().revision;
    co_return reply_of(co_await study([&]() -> Result<std::string> {
      const auto all = gateway_.history().list(below, most);
      if (!all) return std::unexpected(all.error());
      return history_json(*all, live);
    }));
  }

  Answer revision(const AdminRequest& request) {
    const std::uint32_t number =
        read_revision(std::string_view(request.path).substr(kRevisions.size()));
    if (number == 0) co_return admin_error(400, "a revision is named r42");
    co_return reply_of(co_await study([&]() -> Result<std::string> {
      History& history = gateway_.history();
      const auto found = history.find(number);
      if (!found) return std::unexpected(found.error());
      if (!*found)
        return fail(ErrorKind::not_found,
                    fmt::format("there is no r{}; weir history lists what there is", number),
                    Origin::client);
      const auto input = history.input_of(**found);
      if (!input) return std::unexpected(input.error());
      const auto steps = history.steps(number);
      if (!steps) return std::unexpected(steps.error());
      return revision_json(**found, *input, *steps);
    }));
  }

  Answer drain(const AdminRequest&) {
    if (!gateway_.draining()) gateway_.drain();  // a second call would stop at once
    AdminReply reply;
    JsonWriter json(reply.body);
    json.begin_object()
        .field("draining", true)
        .field("revision", fmt::format("r{}", gateway_.policy().revision));
    json.field("at_most_s", gateway_.policy().drain.count() / 1'000'000'000).end_object();
    reply.body += '\n';
    co_return reply;
  }


 private:
  // On the study. "" also where there is no file.
  std::string drift(const Policy& policy) {
    return gateway_.path().empty() ? ""
                                   : drift_of(gateway_.history(), gateway_.path(), policy.hash);
  }

  template <class F>
  io::Task<std::invoke_result_t<F&>> study(F job) {
    return gateway_.study().run(gateway_.loop(), std::move(job));
  }

  // On the study. What workers have handed over is in it: they do so every 100 ms.
  Result<store::CallerDirectory> directory_of_now() {
    gateway_.scribe().flush();
    if (const CallerFeedStatus feed = gateway_.caller_feed().status(); !feed.error.empty())
      return fail(ErrorKind::io, "the caller directory cannot be kept: " + feed.error,
                  Origin::system);
    return store::CallerDirectory::open(gateway_.data_dir().file("callers.db"),
                                        {.mode = store::CallerDirectory::Mode::read});
  }

  AdminReply rollout_reply() { return {.body = "{\"rollout\":" + gateway_.rollout_json() + "}\n"}; }

  AdminReply reply_of(const Applied& applied) {
    const bool conflict = applied.busy || applied.stale;
    return {.status = static_cast<std::uint16_t>(applied.live             ? 200
                                                 : applied.under_way != 0 ? 202
                                                 : conflict               ? 409
                                                                          : 422),
            .body = applied_json(applied, gateway_.rollout_json())};
  }

  static AdminReply reply_of(const Result<std::string>& body) {
    if (body) return {.body = *body};
    return admin_error(body.error().kind == ErrorKind::not_found ? 404 : 503,
                       to_string(body.error()));
  }

  exporting::MetricsSnapshot counts() { return exporting::read_metrics(gateway_.shards()); }

  std::optional<exporting::KeptExchange> find(const ParsedRequestId& id) {
    if (id.installation != InstallationId::of(gateway_.data_dir().key())) return std::nullopt;
    const auto& workers = gateway_.workers();
    const std::size_t worker = id.exchange.worker.index();
    return worker < workers.size() ? workers[worker]->records().ring().find(id.exchange)
                                   : std::nullopt;
  }

  AdminReply unknown(const ParsedRequestId& id) {
    const bool ours = id.installation == InstallationId::of(gateway_.data_dir().key());
    return admin_error(404, ours ? "this exchange is not kept any more, or is still under way; the "
                                   "last 4,096 of each worker are"
                                 : "this request id is not of this installation");
  }

  Gateway& gateway_;
  std::uint64_t explained_ = 0;  // each question draws anew where a route is split
};

}  // namespace

std::vector<AdminRoute> admin_routes(Gateway& gateway) {
  const auto api = std::make_shared<Api>(gateway);
  const auto to = [&](Answer (Api::*handler)(const AdminRequest&)) {
    return [api, handler](const AdminRequest& request) { return ((*api).*handler)(request); };
  };
  std::vector<AdminRoute> all = {
      {"GET", "/healthz", false, to(&Api::healthz)},
      {"GET", "/readyz", false, to(&Api::readyz)},
      {"GET", "/api/v1/status", false, to(&Api::status)},
      {"GET", "/api/v1/config", false, to(&Api::config)},
      {"GET", "/api/v1/routes", false, to(&Api::routes)},
      {"GET", "/api/v1/upstreams", false, to(&Api::upstreams)},
      {"GET", "/api/v1/limits", false, to(&Api::limits)},
      {"GET", kExchanges, true, to(&Api::exchange)},
      {"GET", "/api/v1/callers", false, to(&Api::callers)},
      {"GET", kCallers, true, to(&Api::caller)},
      {"POST", "/api/v1/explain", false, to(&Api::explain)},
      {"POST", "/api/v1/apply", false, to(&Api::apply)},
      {"POST", "/api/v1/rollback", false, to(&Api::rollback)},
      {"GET", "/api/v1/rollout", false, to(&Api::rollout)},
      {"POST", "/api/v1/promote", false, to(&Api::promote)},
      {"POST", "/api/v1/confirm", false, to(&Api::confirm)},
      {"GET", "/api/v1/revisions", false, to(&Api::revisions)},
      {"GET", kRevisions, true, to(&Api::revision)},
      {"POST", "/api/v1/drain", false, to(&Api::drain)},
  };
  for (auto* more : {&metrics_routes, &top_routes})
    std::ranges::move(more(gateway), std::back_inserter(all));
  std::ranges::move(override_routes(gateway), std::back_inserter(all));
  std::ranges::move(deploy_routes(gateway), std::back_inserter(all));
  return all;
}

}  // namespace weir::control
