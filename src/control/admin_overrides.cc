// The paths of the admin interface for overrides: what is in force, one more, one less.
#include <charconv>
#include <utility>

#include "control/admin.h"
#include "control/gateway.h"
#include "control/overrides_json.h"
#include "fmt/core.h"
#include "http/query.h"

namespace weir::control {
namespace {

constexpr std::string_view kOverrides = "/api/v1/overrides", kOne = "/api/v1/overrides/";
constexpr std::size_t kMostEnded = 1000;

using Answer = io::Task<AdminReply>;

AdminReply reply_of(const Overridden& answer, Stamp now) {
  const std::uint16_t status = answer.done ? 200 : answer.busy ? 409 : answer.unknown ? 404 : 422;
  if (answer.unknown) return admin_error(status, answer.error);
  return {.status = status, .body = overridden_json(answer, now)};
}

// ended=N: how many of those that ended.
Answer list(Gateway& gateway, const AdminRequest& request) {
  std::size_t most = 0;
  if (const auto ended = http::query_value(request.query, "ended")) {
    const auto [end, error] = std::from_chars(ended->data(), ended->data() + ended->size(), most);
    if (error != std::errc() || end != ended->data() + ended->size() || most > kMostEnded)
      co_return admin_error(400, "ended is a number from 0 to 1,000");
  }
  const std::vector<OverrideInForce> in_force = gateway.overrides().all();
  const std::uint32_t revision = gateway.policy().revision;
  const Stamp now = gateway.loop().refresh();
  const auto body = co_await gateway.study().run(gateway.loop(), [&]() -> Result<std::string> {
    Result<std::vector<store::OverrideRow>> rows;
    if (most > 0) rows = gateway.overrides().list(most + in_force.size());
    if (!rows) return std::unexpected(rows.error());
    return overrides_json(revision, in_force, *rows, most, now);
  });
  if (!body) co_return admin_error(503, to_string(body.error()));
  co_return AdminReply{.body = *body};
}

Answer add(Gateway& gateway, const AdminRequest& request) {
  auto question = read_override_question(request.body, request.local);
  if (!question) co_return admin_error(400, to_string(question.error()));
  const Overridden answer = co_await gateway.lay_override(std::move(*question));
  co_return reply_of(answer, gateway.loop().refresh());
}

Answer end(Gateway& gateway, const AdminRequest& request) {
  const std::uint32_t number =
      read_override_number(std::string_view(request.path).substr(kOne.size()));
  if (number == 0) co_return admin_error(400, "an override is named o3");
  auto by = read_end_question(request.body);
  if (!by) co_return admin_error(400, to_string(by.error()));
  const Overridden answer =
      co_await gateway.end_override(number, std::move(by->author), std::move(by->reason));
  co_return reply_of(answer, gateway.loop().refresh());
}

}  // namespace

std::vector<AdminRoute> override_routes(Gateway& gateway) {
  const auto to = [&](Answer (*handler)(Gateway&, const AdminRequest&)) {
    return [&gateway, handler](const AdminRequest& request) { return handler(gateway, request); };
  };
  return {{"GET", kOverrides, false, to(&list)},
          {"POST", kOverrides, false, to(&add)},
          {"DELETE", kOne, true, to(&end)}};
}

}  // namespace weir::control
