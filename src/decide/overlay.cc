#include "decide/overlay.h"

#include <algorithm>

namespace weir::decide {
namespace {

bool means(const Restraint& restraint, const Address& client) {
  return restraint.net && restraint.net->contains(client);
}

bool means(const Restraint& restraint, const Caller& caller) {
  return !restraint.net && caller.ref.kind != CallerRef::Kind::address &&
         fits(restraint.caller, caller.subject);
}

template <class Who>
const Restraint* first(const Overlay& overlay, const Who& who, bool caps) {
  const auto found = std::ranges::find_if(overlay.restraints, [&](const Restraint& each) {
    return each.cap.valid() == caps && means(each, who);
  });
  return found == overlay.restraints.end() ? nullptr : &*found;
}

template <class Who>
LimitId cap(const Overlay& overlay, const Who& who) {
  const Restraint* const found = first(overlay, who, true);
  return found == nullptr ? LimitId::none() : found->cap;
}

}  // namespace

const Restraint* block_of(const Overlay& overlay, const Address& client) {
  return first(overlay, client, false);
}
const Restraint* block_of(const Overlay& overlay, const Caller& caller) {
  return first(overlay, caller, false);
}
LimitId cap_of(const Overlay& overlay, const Address& client) { return cap(overlay, client); }
LimitId cap_of(const Overlay& overlay, const Caller& caller) { return cap(overlay, caller); }

NameId paused_by(const Overlay& overlay, RouteId route) {
  return route.index() < overlay.paused.size() ? overlay.paused[route.index()] : NameId::none();
}

bool asks_who(const Overlay& overlay) {
  return std::ranges::any_of(overlay.restraints, [](const Restraint& each) { return !each.net; });
}

}  // namespace weir::decide
