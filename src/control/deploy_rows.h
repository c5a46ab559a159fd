// Announced deploys as rows of the store (store/deploys.h), and back: a gateway that starts anew goes on with those whose time is not
// over, by what their judges knew when they were last written. The seconds from then until now are of nobody: neither for nor
// against (rollout/deploy.h: skip). What was compared arm against arm begins anew, with what is left of its time: both arms run, so
// no past is lacking.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "control/deploy_feed.h"
#include "store/deploys.h"

namespace weir::control {

store::DeployRow row_of(const AnnouncedDeploy& deploy, WallTime now);

// What the gateway before had announced. `as` without pasts; none: its state is damaged, or of another version.
std::optional<AnnouncedDeploy> deploy_of(const store::DeployRow& row);

}  // namespace weir::control
