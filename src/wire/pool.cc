#include "wire/pool.h"

#include <algorithm>
#include <utility>

namespace weir::wire {

std::unique_ptr<Http1Client> Pool::take(std::uint64_t key, Stamp now) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  std::vector<Idle>& stack = found->second;
  while (!stack.empty()) {
    Idle idle = std::move(stack.back());
    stack.pop_back();
    if (idle.client->fresh() && now - idle.since < options_.max_idle) return std::move(idle.client);
  }
  return nullptr;
}

void Pool::put(std::uint64_t key, std::unique_ptr<Http1Client> client, Stamp now) {
  if (!places_.empty() && !in_place(key, *client)) return;
  std::vector<Idle>& stack = idle_[key];
  if (stack.size() < options_.per_key) stack.push_back({std::move(client), now});
}

void Pool::keep_to(Places places) {
  places_ = std::move(places);
  for (auto& [key, stack] : idle_) {
    std::erase_if(stack, [&](const Idle& idle) { return !in_place(key, *idle.client); });
  }
}

bool Pool::in_place(std::uint64_t key, const Http1Client& client) const {
  const auto known = places_.find(key);
  return known == places_.end() ||
         std::ranges::find(known->second, client.place()) != known->second.end();
}

void Pool::age(Stamp now) {
  for (auto it = idle_.begin(); it != idle_.end();) {
    std::erase_if(it->second, [&](const Idle& idle) {
      return !idle.client->fresh() || now - idle.since >= options_.max_idle;
    });
    it = it->second.empty() ? idle_.erase(it) : std::next(it);
  }
}

std::size_t Pool::size() const {
  std::size_t total = 0;
  for (const auto& [key, stack] : idle_) total += stack.size();
  return total;
}

}  // namespace weir::wire
