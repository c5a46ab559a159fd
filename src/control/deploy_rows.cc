#include "control/deploy_rows.h"

#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "control/deploy_json.h"

namespace weir::control {
namespace {

using rollout::Deploy;
using rollout::Role;

// version, roles; of each: role, numbers that follow, numbers (rollout/deploy.h: state)
constexpr double kVersion = 1;
constexpr std::size_t kMostRoles = 3;   // one name may be an upstream, a caller and a split

std::string bytes_of(std::span<const double> numbers) {
  std::string out(numbers.size_bytes(), '\0');
  std::memcpy(out.data(), numbers.data(), out.size());
  return out;
}

std::vector<double> numbers_of(std::string_view bytes) {
  std::vector<double> out(bytes.size() / sizeof(double));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(double));
  return out;
}

std::string state_of(const AnnouncedDeploy& deploy) {
  std::vector<double> all = {kVersion, static_cast<double>(deploy.as.size())};
  for (const AnnouncedDeploy::As& as : deploy.as) {
    const std::vector<double> state = as.deploy.state();
    all.push_back(static_cast<double>(as.role));
    all.push_back(static_cast<double>(state.size()));
    all.insert(all.end(), state.begin(), state.end());
  }
  return bytes_of(all);
}

// Of numbers that may be anything.
std::optional<std::size_t> count(double number, std::size_t most) {
  if (!(number >= 0 && number <= static_cast<double>(most)) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::size_t>(number);
}

std::optional<std::vector<AnnouncedDeploy::As>> roles_of(std::string_view state) {
  const std::vector<double> all = numbers_of(state);
  if (all.size() < 2 || state.size() != all.size() * sizeof(double) || !count(all[0] - kVersion, 0)) return std::nullopt;
  const auto roles = count(all[1], kMostRoles);
  if (!roles) return std::nullopt;
  std::vector<AnnouncedDeploy::As> out;
  auto left = std::span(all).subspan(2);
  for (std::size_t i = 0; i < *roles; ++i) {
    if (left.size() < 2) return std::nullopt;
    const auto role = count(left[0], static_cast<std::size_t>(Role::split)), size = count(left[1], left.size() - 2);
    if (!role || !size) return std::nullopt;
    auto deploy = Deploy::from(left.subspan(2, *size));
    if (!deploy) return std::nullopt;
    out.push_back({.role = static_cast<Role>(*role), .deploy = std::move(*deploy)});
    left = left.subspan(2 + *size);
  }
  return left.empty() ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

store::DeployRow row_of(const AnnouncedDeploy& deploy, WallTime now) {
  const Announcement& said = deploy.announced;
  AnnouncedDeploy kept = deploy;   // as it is shown once this is written
  kept.kept = true;
  const bool under_way = deploy.answer() == rollout::DeployAnswer::under_way;
  return {.id = deploy.id, .subject = said.subject, .version = said.version, .author = said.author, .reason = said.reason,
          .watch_s = said.watch_s, .at = deploy.began, .split = deploy.split, .under_way = under_way, .json = deploy_json(kept, now),
          .state = under_way ? state_of(deploy) : "", .saved = now};
}

std::optional<AnnouncedDeploy> deploy_of(const store::DeployRow& row) {
  auto as = roles_of(row.state);
  if (!as) return std::nullopt;
  return AnnouncedDeploy{.id = row.id,
                         .announced = {.subject = row.subject, .version = row.version, .author = row.author, .reason = row.reason, .watch_s = row.watch_s},
                         .began = row.at, .as = std::move(*as), .split = row.split};
}

}  // namespace weir::control
