#include "control/learned_peaks.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "decide/identity.h"
#include "decide/learned.h"
#include "model/standing.h"
#include "store/caller_directory.h"

namespace weir::control {
namespace {

// The directory knows callers by their name alone, whichever rule it was that named them.
void add_each_rule(const Policy& policy, const record::CallerEntry& entry, const PeaksQuestion& question, std::vector<CallerPeak>& all) {
  const auto peak = entry.pace.peak(ActiveDays::of(question.now));
  if (!peak) return;
  for (const IdentityRule& rule : policy.identities) {
    if (all.size() == CallerPeaks::kMost) return;
    all.push_back({.caller = decide::caller_digest(rule, entry.name.name, question.key), .per_second = peak->per_second, .days = peak->days});
  }
}

}  // namespace

Result<std::shared_ptr<const CallerPeaks>> learned_peaks(const Policy& policy, const PeaksQuestion& question) {
  if (!decide::learns(policy)) return nullptr;
  std::vector<CallerPeak> fresh;
  auto directory = store::CallerDirectory::open(question.data_dir + "/callers.db", {.mode = store::CallerDirectory::Mode::read});
  if (!directory && directory.error().kind != ErrorKind::not_found) return std::unexpected(directory.error());
  if (directory) {
    const auto read = directory->credentials(CallerPeaks::kMost, [&](const record::CallerEntry& entry) {
      add_each_rule(policy, entry, question, fresh);
    });
    if (!read) return std::unexpected(read.error());
  }
  std::ranges::sort(fresh, {}, &CallerPeak::caller);
  const CallerPeaks* const before = question.before.get();
  if (before != nullptr) fresh = decide::steadied(before->all, std::move(fresh));
  if (before != nullptr && before->all == fresh) return question.before;
  auto made = std::make_shared<CallerPeaks>();
  made->number = before == nullptr ? 1 : before->number + 1;
  made->all = std::move(fresh);
  return made;
}

std::shared_ptr<const CallerPeaks> peaks_before(const std::vector<std::string>& folders, HashKey key, const Policy& policy, WallTime first) {
  for (const std::string& folder : folders) {
    std::error_code error;
    if (!std::filesystem::exists(folder + "/callers.db", error)) continue;
    if (auto peaks = learned_peaks(policy, {.data_dir = folder, .key = key, .now = first})) return *peaks;
  }
  return nullptr;
}

}  // namespace weir::control
