// The paths of the admin interface for deploys behind the gateway: one is announced, those of now and of before are listed.
#include <charconv>
#include <utility>

#include "control/admin.h"
#include "control/deploy_json.h"
#include "control/gateway.h"
#include "http/query.h"

namespace weir::control {
namespace {

constexpr std::string_view kAll = "/api/v1/changes", kOne = "/api/v1/changes/";
constexpr std::uint64_t kUsually = 100, kMost = 1000;

using Answer = io::Task<AdminReply>;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// Watched, and nothing is changed.
Answer announce(Gateway& gateway, const AdminRequest& request) {
  auto announcement = read_announcement(request.body);
  if (!announcement) co_return admin_error(400, to_string(announcement.error()));
  const auto id = co_await gateway.announce(std::move(*announcement));
  if (!id) co_return admin_error(409, to_string(id.error()));
  const AnnouncedDeploy* const deploy = gateway.traffic_feed().deploys().find(*id);
  if (deploy == nullptr) co_return admin_error(503, "so many were announced since that this one is forgotten");
  co_return AdminReply{.body = deploy_json(*deploy, gateway.loop().wall()) + "\n"};
}

// limit=N (100): the newest first. Where the store cannot be read, those of this process.
Answer list(Gateway& gateway, const AdminRequest& request) {
  std::uint64_t most = kUsually;
  if (const auto limit = http::query_value(request.query, "limit")) {
    const auto given = number(*limit);
    if (!given || *given == 0 || *given > kMost) co_return admin_error(400, "limit is a number from 1 to 1,000");
    most = *given;
  }
  const auto rows = co_await gateway.study().run(gateway.loop(), [&] { return gateway.kept_deploys().list(0, most); });
  co_return AdminReply{.body = deploys_json(gateway.traffic_feed().deploys(), rows.value_or(std::vector<store::DeployRow>()), most, gateway.loop().wall())};
}

Answer one(Gateway& gateway, const AdminRequest& request) {
  const auto id = number(std::string_view(request.path).substr(kOne.size()));
  if (!id) co_return admin_error(400, "a deploy is named by its number");
  if (const AnnouncedDeploy* const deploy = gateway.traffic_feed().deploys().find(*id)) {
    co_return AdminReply{.body = deploy_json(*deploy, gateway.loop().wall()) + "\n"};
  }
  const auto rows = co_await gateway.study().run(gateway.loop(), [&] { return gateway.kept_deploys().find(*id); });
  if (!rows) co_return admin_error(503, to_string(rows.error()));
  if (rows->empty()) co_return admin_error(404, "no deploy has this number; GET /api/v1/changes lists them");
  co_return AdminReply{.body = rows->front().json + "\n"};
}

}  // namespace

std::vector<AdminRoute> deploy_routes(Gateway& gateway) {
  const auto to = [&](Answer (*handler)(Gateway&, const AdminRequest&)) {
    return [&gateway, handler](const AdminRequest& request) { return handler(gateway, request); };
  };
  return {{"GET", kAll, false, to(&list)}, {"POST", kAll, false, to(&announce)}, {"GET", kOne, true, to(&one)}};
}

}  // namespace weir::control
