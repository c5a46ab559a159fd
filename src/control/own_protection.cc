#include "control/own_protection.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <utility>

#include "control/text.h"
#include "export/process_stats.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using decide::ShedLevel;

// The first word of a file as a number; absent: there is none, or another word ("max").
std::optional<std::uint64_t> number_in(const std::string& path, std::string_view after = "") {
  std::ifstream file(path);
  std::string word;
  while (!after.empty() && file >> word && word != after) {}
  std::uint64_t number = 0;
  if (!(file >> word)) return std::nullopt;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// proc(5): the second number is the resident size in pages.
std::uint64_t resident() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, here = 0;
  file >> all >> here;
  return here * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double share_of(std::uint64_t used, std::uint64_t most) {
  return most == 0 ? 0 : double(used) / double(most);
}

ResourceState state_of(ShedLevel level, std::uint64_t used, std::uint64_t most) {
  return {.level = level, .share = share_of(used, most), .used = used, .most = most};
}

}  // namespace

std::uint64_t memory_allowed(const std::string& root) {
  std::optional<std::uint64_t> least = number_in(root + "/proc/meminfo", "MemTotal:");
  if (least) *least *= 1024;
  const auto note = [&](std::optional<std::uint64_t> limit) {
    if (limit && *limit > 0) least = least ? std::min(*least, *limit) : *limit;
  };
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/")) continue;   // cgroups(7): the one of version 2
    for (std::string group = line.substr(3); !group.empty(); group.resize(group.rfind('/')))
      note(number_in(root + "/sys/fs/cgroup" + group + "/memory.max"));
  }
  note(number_in(root + "/sys/fs/cgroup/memory.max"));   // as a container sees its own
  note(number_in(root + "/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  return least.value_or(0);
}

OwnProtection::OwnProtection(io::Loop& loop, const std::vector<std::unique_ptr<WorkerThread>>& workers,
                             To to)
    : loop_(loop), workers_(workers), to_(std::move(to)) {}

// What is open besides connections is counted once, before the first of them, and hardly changes.
void OwnProtection::use(const OverloadRules& rules) {
  rules_ = rules;
  most_memory_ = rules.memory ? rules.memory->count : memory_allowed();
  rlimit files{};
  most_descriptors_ = ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 0;
  if (other_descriptors_ == 0) other_descriptors_ = exporting::read_process_stats().open_fds;
  measure();
}

io::Task<> OwnProtection::keep() {
  while (co_await loop_.sleep_to_beat(kEvery)) {
    measure();
    tell();
  }
}

void OwnProtection::measure() {
  memory_ = resident();
  descriptors_ = other_descriptors_ + loop_.all_connections();
  if (rules_.enabled) {
    memory_level_.on_share(share_of(memory_, most_memory_), rules_.from);
    descriptor_level_.on_share(share_of(descriptors_, most_descriptors_), rules_.from);
  } else {
    memory_level_ = descriptor_level_ = {};
  }
  proxy::ProcessLoad load{.memory = memory_level_.level(), .descriptors = descriptor_level_.level()};
  if (rules_.enabled && most_descriptors_ > 0) {
    const double last = double(most_descriptors_) * begins_at(ShedLevel::unknown_critical, rules_.from);
    load.most_connections = static_cast<std::size_t>(std::max(0.0, last - double(other_descriptors_)));
  }
  if (load != published_) to_.publish(published_ = load);
  if (load.memory != ShedLevel::none && (trimmed_ == Stamp::min() || loop_.now() - trimmed_ >= kTrim)) {
    trimmed_ = loop_.now();
    to_.trim();
  }
}

ResourceStates OwnProtection::states() const {
  ResourceStates all;
  all[static_cast<std::size_t>(OwnResource::memory)] =
      state_of(memory_level_.level(), memory_, most_memory_);
  all[static_cast<std::size_t>(OwnResource::descriptors)] =
      state_of(descriptor_level_.level(), descriptors_, most_descriptors_);
  ResourceState& loop = all[static_cast<std::size_t>(OwnResource::loop)];
  ResourceState& queue = all[static_cast<std::size_t>(OwnResource::accept_queue)];
  for (const auto& worker : workers_) {
    const proxy::LoadGauges& load = worker->load();
    loop.level = std::max(loop.level, load.loop.load(std::memory_order_relaxed));
    loop.used = std::max(loop.used, static_cast<std::uint64_t>(load.wait_ns.load(std::memory_order_relaxed)));
    queue.level = std::max(queue.level, load.accept_queue.load(std::memory_order_relaxed));
    queue.share = std::max(queue.share, load.accept_share.load(std::memory_order_relaxed));
  }
  return all;
}

void OwnProtection::tell() {
  const ResourceStates all = states();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto resource = static_cast<OwnResource>(i);
    Told& told = told_[i];
    if (all[i].level != ShedLevel::none) {
      told.last = loop_.now();
      if (!std::exchange(told.short_of, true)) to_.say(overload_line(resource, all[i]));
    } else if (told.short_of && loop_.now() - told.last >= kOver) {
      told.short_of = false;
      to_.say(overload_line(resource, all[i]));
    }
  }
}

decide::OwnLoad own_load(const ResourceStates& states, const decide::KnownCallers* known) {
  const auto worst = std::ranges::max_element(states, {}, &ResourceState::level);
  return {.level = worst->level,
          .shortest = static_cast<OwnResource>(worst - states.begin()),
          .queue_stands = states[static_cast<std::size_t>(OwnResource::loop)].level != ShedLevel::none,
          .known = known};
}

std::string overload_line(OwnResource resource, const ResourceState& state) {
  const bool over = state.level == ShedLevel::none;
  std::string what, how;
  switch (resource) {
    case OwnResource::memory:
      what = "memory";
      how = fmt::format("{} of {}", bytes_text(state.used), bytes_text(state.most));
      break;
    case OwnResource::descriptors:
      what = "descriptors";
      how = fmt::format("{} of {}", grouped(state.used), grouped(state.most));
      break;
    case OwnResource::loop:
      what = "time";
      how = fmt::format("requests wait {} for a worker", milliseconds_text(double(state.used) / 1e6));
      break;
    case OwnResource::accept_queue:
      what = "time to accept connections";
      how = fmt::format("{} of the accept queue is taken", percent_text(state.share));
      break;
  }
  if (over) return fmt::format("no longer short of {}: {}", what, how);
  return fmt::format("short of {}: {}; refusing {}", what, how, to_string(state.level));
}

}  // namespace weir::control
