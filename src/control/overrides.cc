#include "control/overrides.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

#include "config/override_text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

Result<Override> read_row(const store::OverrideRow& row) {
  auto what = config::read_override(row.what);
  if (!what)
    return fail(
        ErrorKind::invalid,
        fmt::format("{} is not understood: {}", override_name(row.number), what.error().message),
        Origin::system);
  return Override{.number = row.number,
                  .what = std::move(*what),
                  .author = row.author,
                  .reason = row.reason,
                  .at = row.at,
                  .until = row.until,
                  .lasts = row.lasts,
                  .revision = row.revision,
                  .person = row.person,
                  .hurt = row.hurt};
}

}  // namespace

Result<std::vector<OverrideInForce>> Overrides::left(const store::Clocks& now) const {
  const auto rows = kept_.in_force();
  if (!rows) return std::unexpected(rows.error());
  std::vector<OverrideInForce> all;
  for (const store::OverrideRow& row : *rows) {
    const Nanos left = time_left(row, now);
    auto given = read_row(row);
    if (left <= Nanos(0) || !given || all.size() == Override::kMost) {
      const auto ended = kept_.end(
          row.number, now.wall, "",
          left <= Nanos(0) ? "expired while no gateway ran" : "not understood by this version");
      if (!ended) return std::unexpected(ended.error());
      continue;
    }
    all.push_back({.given = std::move(*given), .until = now.steady + left, .idle = {}});
  }
  return all;
}

Result<Override> Overrides::keep(const OverrideQuestion& question, std::uint32_t revision,
                                 std::uint64_t hurt, const store::Clocks& now) const {
  Override made{.what = question.what,
                .author = question.author,
                .reason = question.reason,
                .at = now.wall,
                .until = now.wall + question.lasts,
                .lasts = question.lasts,
                .revision = revision,
                .person = question.person,
                .hurt = hurt};
  const auto number = kept_.add({.what = config::override_text(made.what),
                                 .author = made.author,
                                 .reason = made.reason,
                                 .revision = revision,
                                 .person = made.person,
                                 .hurt = hurt,
                                 .at = made.at,
                                 .until = made.until,
                                 .lasts = made.lasts,
                                 .boot = now.boot,
                                 .until_steady = now.steady + made.lasts});
  if (!number) return std::unexpected(number.error());
  made.number = *number;
  return made;
}

void Overrides::remove(std::uint32_t number) {
  std::erase_if(all_, [&](const OverrideInForce& each) { return each.given.number == number; });
}

void Overrides::note(const config::Laid& laid) {
  for (OverrideInForce& each : all_) {
    const std::string* const why = laid.why_idle(each.given.number);
    each.idle = why == nullptr ? "" : *why;
  }
}

std::vector<Override> Overrides::given() const {
  std::vector<Override> all;
  for (const OverrideInForce& each : all_) all.push_back(each.given);
  return all;
}

const OverrideInForce* Overrides::find(std::uint32_t number) const {
  const auto found = std::ranges::find_if(
      all_, [&](const OverrideInForce& each) { return each.given.number == number; });
  return found == all_.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> Overrides::over(Stamp now) const {
  const auto found =
      std::ranges::find_if(all_, [&](const OverrideInForce& each) { return each.until <= now; });
  return found == all_.end() ? std::nullopt : std::optional(found->given.number);
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::uint32_t read_override_number(std::string_view text) {
  std::uint32_t number = 0;
  if (!text.starts_with('o')) return 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::string override_name(std::uint32_t number) { return fmt::format("o{}", number); }

}  // namespace weir::control
