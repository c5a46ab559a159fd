#include "rollout/admit.h"

#include <chrono>
#include <string>

#include "fmt/core.h"

namespace weir::rollout {
namespace {

std::unexpected<Error> busy(std::string why) { return fail(ErrorKind::busy, std::move(why), Origin::client, true); }

}  // namespace

Result<Admission> admit(const Request& request, const ChangeClass& touches, const Present& present, Stamp now) {
  if (request.now && request.reason.empty()) return fail(ErrorKind::invalid, "what is forced says why: --now --reason WHY", Origin::client);
  if (!touches.lockout.empty() && !(request.now && request.confirm_within)) {
    return fail(ErrorKind::invalid, fmt::format("{}: who is locked out by that cannot undo it. It is taken with --now --reason WHY --confirm-within 10m, and reverts unless "
                                                "weir confirm is heard", touches.lockout.front()), Origin::client);
  }
  const bool person = request.way == Way::person;
  if (!person && present.frozen_until && now < *present.frozen_until) {
    const auto left = std::chrono::ceil<std::chrono::minutes>(*present.frozen_until - now);
    return busy(fmt::format("pipelines are frozen for {} more min, since a change was rolled back for harm; a person may apply: at a terminal, or with --person", left.count()));
  }
  if (present.rollout == nullptr || present.rollout->ended()) return Admission::begin;
  if (person || !present.rollout->busy()) return Admission::supersede;
  if (present.busy == RolloutRules::Busy::queue) return Admission::queue;
  const Status status = present.rollout->status(now);
  return busy(fmt::format("r{} is under way ({}); weir status says until when. A person may take its place", status.revision, to_string(status.stage)));
}

}  // namespace weir::rollout
