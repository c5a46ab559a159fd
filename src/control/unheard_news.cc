// Bounded by what the follower would keep: the same count, of the same kind.
#include "control/unheard_news.h"

#include <algorithm>

namespace weir::control {

void UnheardNews::add(PolicyNews news) {
  if (news.policy != nullptr) {
    const auto same = std::ranges::find_if(all_, [&](const PolicyNews& each) {
      return each.policy != nullptr && replay::Follower::decide_alike(*each.policy, *news.policy);
    });
    if (same != all_.end()) news.policy = same->policy;
  }
  all_.push_back(std::move(news));

  std::vector<const Policy*> kept;
  std::size_t revisions = 0;
  const auto beyond = std::find_if(all_.rbegin(), all_.rend(), [&](const PolicyNews& each) {
    if (each.policy == nullptr) return false;
    if (std::ranges::find(kept, each.policy.get()) == kept.end()) kept.push_back(each.policy.get());
    return ++revisions > replay::Follower::kMostRevisions || kept.size() > replay::Follower::kMostPolicies;
  });
  const auto old = std::remove_if(all_.begin(), beyond.base(), [&](const PolicyNews& each) {
    if (each.policy != nullptr) let_go_.add(*each.policy);
    return each.policy != nullptr;
  });
  all_.erase(old, beyond.base());
}

void UnheardNews::take(UnheardNews& more) {
  let_go_.add(more.let_go_);
  for (PolicyNews& each : more.all_) add(std::move(each));
  more = {};
}

}  // namespace weir::control
