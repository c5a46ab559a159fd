// Overrides over the live revision: laid, taken away and ended while the gateway runs. The policy
// is made anew under the same number, from the revision as configured and what is in force; a later
// apply is made the same way, so that no end undoes it.
#include <utility>

#include "config/diagnostic.h"
#include "config/override_text.h"
#include "control/gateway.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr Nanos kLook = std::chrono::milliseconds(250), kPatience = std::chrono::seconds(10);

constexpr std::string_view kBusy = "another change is under way; try again when it is done";

constexpr std::string_view kFull =
    "64 are in force, as many as there may be; weir override remove takes one away";
static_assert(Override::kMost == 64);

std::string line_of(const Override& given, std::string_view end) {
  return fmt::format("{} {}: {}", override_name(given.number), end,
                     config::override_text(given.what));
}

}  // namespace

store::Clocks Gateway::clocks() {
  return {.wall = loop_.wall(), .steady = loop_.refresh(), .boot = boot_id()};
}

// Those that a gateway before this one left.
void Gateway::take_over_overrides() {
  auto left = overrides_.left(clocks());
  if (!left) {
    if (history_.error().empty())
      options_.say(fmt::format("no override is laid over: {}", to_string(left.error())));
    return;
  }
  overrides_.use(std::move(*left));
  for (const OverrideInForce& each : overrides_.all())
    options_.say(line_of(each.given, "is in force"));
}

io::Task<std::shared_ptr<const Policy>> Gateway::lay(std::uint8_t seat,
                                                     std::shared_ptr<const Policy> configured) {
  configured_[seat] = configured;
  laid_[seat] = {.policy = configured, .idle = {}};
  const std::vector<Override> given = overrides_.given();
  if (!given.empty()) {
    laid_[seat] = co_await study_.run(
        loop_, [&] { return config::lay_over(configured, given, *names_); });
  }
  co_return std::move(laid_[seat].policy);   // what is idle is kept
}

// What became of them over the policy that holds; said where that is new.
void Gateway::note_overrides() {
  const config::Laid& laid = laid_[snapshot_->seat];
  for (const OverrideInForce& each : overrides_.all()) {
    const std::string* const why = laid.why_idle(each.given.number);
    if (why != nullptr && each.idle != *why)
      options_.say(line_of(each.given, "is idle, " + *why));
    if (why == nullptr && !each.idle.empty())
      options_.say(line_of(each.given, "is in force again"));
  }
  overrides_.note(laid);
}

// Takes the turn of a change and of its stages; false: others kept it too long, or too many earlier
// policies still have requests under way.
io::Task<bool> Gateway::take_turn() {
  const Stamp until = loop_.refresh() + kPatience;
  for (;;) {
    std::erase_if(published_, [](const auto& policy) { return policy.expired(); });
    if (!changing_ && !stepping_ && published_.size() < kMaxLivePolicies) break;
    if (loop_.now() >= until || !co_await loop_.sleep_for(std::chrono::milliseconds(10)))
      co_return false;
  }
  changing_ = stepping_ = true;
  co_return true;
}

io::Task<Overridden> Gateway::lay_override(OverrideQuestion question) {
  Overridden answer;
  if (overrides_.all().size() >= Override::kMost) {
    answer.error = kFull;
    co_return answer;
  }
  Override draft;  // not numbered yet
  draft.what = question.what;
  std::vector<Override> given = overrides_.given();
  given.push_back(std::move(draft));
  const std::shared_ptr<const Policy> before = snapshot_->policy, configured = configured_[snapshot_->seat];
  const WallTime now = loop_.wall();
  answer.rehearsal = co_await study_.run(loop_, [&]() -> std::optional<Rehearsal> {
    const config::Laid laid = config::lay_over(configured, given, *names_);
    if (const std::string* const why = laid.why_idle(0)) {
      answer.error = *why;
      return std::nullopt;
    }
    scribe_->flush();  // the last seconds too
    return rehearse({.what = question.what,
                     .before = *before,
                     .after = *laid.policy,
                     .names = *names_,
                     .data_dir = data_dir_.path(),
                     .key = data_dir_.key(),
                     .now = now,
                     .rate = static_cast<double>(scribe_->status().arrivals) /
                             std::chrono::duration<double>(now - started_).count()});
  });
  if (!answer.rehearsal) co_return answer;
  if (answer.rehearsal->harms && !(question.person && question.yes)) {
    answer.harms = true;
    answer.error = question.person
                       ? "it hurts callers who must not be hurt; --yes lays it all the same"
                       : "it hurts callers who must not be hurt, and only a person may want that";
    co_return answer;
  }
  co_await keep_override(std::move(question), answer);
  co_return answer;
}

// The change that harms is under way: it is not rehearsed for whom its end would hurt.
io::Task<Overridden> Gateway::lay_unrehearsed(OverrideQuestion question) {
  Overridden answer;
  if (overrides_.all().size() >= Override::kMost) {
    answer.error = kFull;
    co_return answer;
  }
  co_await keep_override(std::move(question), answer);
  co_return answer;
}

io::Task<> Gateway::keep_override(OverrideQuestion question, Overridden& answer) {
  if (!co_await take_turn()) {
    answer.busy = true;
    answer.error = kBusy;
    co_return;
  }
  const std::uint64_t hurt = answer.rehearsal ? answer.rehearsal->hurt : 0;
  const std::uint32_t revision = policy().revision;
  const store::Clocks begun = clocks();
  auto kept = co_await study_.run(
      loop_, [&] { return overrides_.keep(question, revision, hurt, begun); });
  if (kept) {
    const OverrideInForce laid{.given = std::move(*kept), .until = begun.steady + question.lasts, .idle = {}};
    overrides_.add(laid);
    co_await lay_anew();
    options_.say(fmt::format("{} by {} for {}", line_of(laid.given, "is in force"),
                             config::printable(laid.given.author), config::print_duration(laid.given.lasts)));
    answer.done = true;
    answer.override_ = laid;
  } else {
    answer.error = to_string(kept.error());
  }
  end_turn();
}

io::Task<Overridden> Gateway::end_override(std::uint32_t number, std::string author,
                                           std::string reason) {
  Overridden answer;
  const auto gone = [&] {
    answer.unknown = true;
    answer.error = fmt::format("{} is not in force; weir override list names those that are",
                               override_name(number));
    return answer;
  };
  if (overrides_.find(number) == nullptr) co_return gone();
  if (!co_await take_turn()) {
    answer.busy = true;
    answer.error = kBusy;
    co_return answer;
  }
  if (const OverrideInForce* const found = overrides_.find(number); found == nullptr) {
    gone();
  } else {
    answer.override_ = *found;
    const WallTime now = loop_.wall();
    const auto ended =
        co_await study_.run(loop_, [&] { return overrides_.end(number, now, author, reason); });
    if (ended) {
      overrides_.remove(number);
      co_await lay_anew();
      options_.say(fmt::format("{} by {}", line_of(answer.override_->given, "is taken away"),
                               config::printable(author)));
      answer.done = true;
    } else {
      answer.error = to_string(ended.error());
    }
  }
  end_turn();
  co_return answer;
}

// Its time counts from when it was laid, by a clock that no step moves. What the store cannot note
// now it sees over at the next start.
io::Task<> Gateway::expire_overrides() {
  while (co_await loop_.sleep_to_beat(kLook)) {
    const auto over = overrides_.over(loop_.now());
    if (!over || !co_await take_turn()) continue;
    if (const OverrideInForce* const found = overrides_.find(*over); found != nullptr) {
      const Override given = found->given;
      const WallTime now = loop_.wall();
      overrides_.remove(*over);
      co_await lay_anew();
      const auto ended = co_await study_.run(
          loop_, [&] { return overrides_.end(given.number, now, "", "expired"); });
      options_.say(line_of(given, "has expired"));
      if (!ended) options_.say(to_string(ended.error()));
    }
    end_turn();
  }
}

}  // namespace weir::control
