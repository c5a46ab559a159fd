// Changes of the configuration while the gateway runs: made whole on the study and the loop before anything is touched, then
// written to the history, then enforced. What boots and what runs stand in gateway.cc.
#include <utility>

#include "config/report.h"
#include "control/gateway.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

// A change that is queued waits as long as whoever asked waits for an answer.
constexpr Nanos kQueue = std::chrono::minutes(4), kQueueLook = std::chrono::milliseconds(200);

}  // namespace

io::Task<Applied> Gateway::apply(Change asked) {
  for (const Stamp until = loop_.refresh() + kQueue;;) {
    Applied applied = co_await change([&] { return apply_now(asked); }, asked.author, asked.reason);
    if (!applied.queued || loop_.now() >= until || !co_await loop_.sleep_for(kQueueLook)) co_return applied;
  }
}

// The change under way is not waited for: it is taken back in whatever stage it is.
io::Task<Applied> Gateway::roll_back(std::uint32_t to, bool person, std::string author, std::string reason) {
  if (rollout_ == nullptr || (to != 0 && to != rollout_->machine.status(loop_.now()).before)) {
    co_return co_await change([&] { return roll_back_now(to, person, author, reason); }, author, reason);
  }
  const bool was_live = rollout_->machine.live();
  const auto way = person ? rollout::Way::person : rollout::Way::pipeline;
  Applied applied{.at = loop_.wall(), .author = author, .reason = reason};
  const auto asked = co_await command([&](rollout::Rollout& machine) { return machine.roll_back(way, author, reason, loop_.refresh()); });
  if (!asked) applied.error = to_string(asked.error());
  applied.live = asked.has_value();
  applied.revision = policy().revision;
  applied.hash = policy().hash;
  if (asked && !was_live) applied.notes.push_back("it was not live yet: what was live stays");
  conclude(applied);
  co_return applied;
}

// One at a time; what became of it is kept.
io::Task<Applied> Gateway::change(std::function<io::Task<Applied>()> way, std::string author, std::string reason) {
  Applied applied;
  // What is on its way goes on to its next stage, and what booted is looked at first.
  while ((stepping_ || looks_back_) && co_await loop_.sleep_for(std::chrono::milliseconds(2))) {
  }
  std::erase_if(published_, [](const auto& policy) { return policy.expired(); });
  if (draining_) {
    applied.busy = true;
    applied.error = "this gateway is ending";
  } else if (changing_) {
    applied.busy = true;
    applied.error = "another change is under way; try again when it is done";
  } else if (published_.size() >= kMaxLivePolicies) {
    applied.busy = true;
    applied.error = fmt::format("{} earlier revisions still have requests under way; try again later", published_.size());
  } else {
    changing_ = true;
    applied = co_await way();
    changing_ = false;
  }
  applied.at = loop_.wall();
  applied.author = std::move(author);
  applied.reason = std::move(reason);
  applied.revision = policy().revision;
  applied.hash = policy().hash;
  conclude(applied);
  co_return applied;
}

// Counted and kept once it is known: what is on its way is neither taken nor refused.
void Gateway::conclude(const Applied& applied) {
  if (!applied.live && (applied.under_way != 0 || applied.queued)) return;
  ++(applied.live ? applied_ : refused_);
  last_change_ = applied;
}

io::Task<Gateway::Made> Gateway::make(config::Input input) {
  Made made;
  input.data_dir = data_dir_.path();
  Loaded loaded = co_await study_.run(loop_, [&] {
    Loaded fresh = load(std::move(input), *names_);
    if (!fresh.outcome.diagnostics.empty()) {
      made.applied.report_text = config::render_text(fresh.outcome, fresh.input.files);
      made.applied.report_json = config::render_json(fresh.outcome, fresh.input.files);
    }
    return fresh;
  });
  made.applied.errors = loaded.outcome.errors;
  made.applied.warnings = loaded.outcome.warnings;
  if (loaded.outcome.policy == nullptr) co_return made;

  std::shared_ptr<Policy> next = std::move(loaded.outcome.policy);
  if (next->data_dir.empty()) next->data_dir = data_dir_.path();
  if (next->data_dir != data_dir_.path()) made.applied.notes.push_back("data_dir takes effect at a restart");
  if (worker_count(*next) != workers_.size()) made.applied.notes.push_back("workers takes effect at a restart");
  if (next->admin != policy().admin || next->admin_hosts != policy().admin_hosts) made.applied.notes.push_back("admin takes effect at a restart");
  // What runs already keeps what it knows; of something new a name that does not resolve is most likely misspelt.
  if (const std::vector<Error> unknown = co_await keepers_[snapshot_->seat].names->look_up(*next); !unknown.empty()) {
    made.applied.error = to_string(unknown.front());
    co_return made;
  }
  io::Inheritance none;
  auto opened = open_listeners(*next, none);
  if (!opened) {
    made.applied.error = to_string(opened.error());
    co_return made;
  }
  made.input = std::move(loaded.input);
  made.tree = std::move(loaded.outcome.tree);
  made.keys = std::move(loaded.keys);
  made.opened = std::move(*opened);
  made.policy = std::move(next);
  co_return made;
}

io::Task<Applied> Gateway::apply_now(Change asked) {
  const std::uint32_t live = policy().revision;
  if (asked.base != 0 && asked.base != live) {
    co_return Applied{.stale = true, .error = fmt::format("it was made for r{}, and r{} is live by now; look at what came between: weir history", asked.base, live)};
  }
  const std::string hash = config::hash_of(asked.input);
  if (rollout_ != nullptr && hash == config::hash_of(rollout_->input) && !rollout_->machine.live()) {
    co_return Applied{.under_way = rollout_->number};
  }
  if (hash != policy().hash && !asked.retry) {
    const WallTime now = loop_.wall();
    const auto marked = co_await study_.run(loop_, [&] { return history_.refuse_marked(hash, now); });
    if (!marked) co_return Applied{.error = to_string(marked.error())};
    if (*marked) co_return Applied{.taken_back = true, .error = fmt::format("this text is {}", taken_back_text(**marked))};
  }
  Made made = co_await make(asked.input);
  if (made.policy == nullptr) co_return std::move(made.applied);
  if (hash == policy().hash) co_return co_await read_again(std::move(made));
  co_return co_await begin_rollout(std::move(asked), std::move(made));
}

// What is live already: its keys, its names, its listeners.
io::Task<Applied> Gateway::read_again(Made made) {
  Applied applied = std::move(made.applied);
  co_await enforce(std::move(made), policy().revision);
  applied.live = true;
  co_return applied;
}

io::Task<Applied> Gateway::roll_back_now(std::uint32_t to, bool person, std::string author, std::string reason) {
  const std::uint32_t live = policy().revision;
  struct Found {
    std::uint32_t number = 0;
    config::Input input;
  };
  auto found = co_await study_.run(loop_, [&]() -> Result<Found> {
    const auto left = history_.find(live);
    if (!left) return std::unexpected(left.error());
    if (*left && (*left)->protect && !person)
      return fail(ErrorKind::permission, fmt::format("r{} is protected: only a person rolls it back, at a terminal or with --person", live), Origin::client);
    const auto target = history_.target(to, live);
    if (!target) return std::unexpected(target.error());
    auto input = history_.input_of(*target);
    if (!input) return std::unexpected(input.error());
    return Found{.number = target->number, .input = std::move(*input)};
  });
  if (!found) co_return Applied{.error = to_string(found.error())};
  Made made = co_await make(std::move(found->input));
  if (made.policy == nullptr) co_return std::move(made.applied);
  // On the disk first: a process that is killed now boots what was gone back to.
  const WallTime now = loop_.wall();
  const auto marked = co_await study_.run(loop_, [&] { return history_.take_back(found->number, now, author, reason); });
  if (!marked) co_return Applied{.error = to_string(marked.error())};
  Applied applied = std::move(made.applied);
  if (rollout_ != nullptr) {
    (void)rollout_->machine.supersede(author, loop_.refresh());
    co_await step_rollout();
  }
  live_input_ = made.input;
  live_tree_ = made.tree;
  co_await enforce(std::move(made), found->number);
  applied.live = true;
  co_return applied;
}

void Gateway::reload() {
  loop_.post([this] {
    scope_->spawn([this]() -> io::Task<> {
      if (options_.path.empty()) {
        options_.say("nothing to reload: this gateway runs without a file");
        co_return;
      }
      // One waits for the change that is under way; the file is read after it.
      if (std::exchange(reload_waits_, true)) co_return;
      while (changing_) {
        if (!co_await loop_.sleep_for(std::chrono::milliseconds(10))) co_return;   // the gateway ends
      }
      reload_waits_ = false;
      if (draining_) {
        options_.say("not reloaded: this gateway is ending");
        co_return;
      }
      auto input = co_await study_.run(loop_, [this] { return read_configuration(options_.path); });
      if (!input) {
        ++refused_;
        last_change_ = {.at = loop_.wall(), .revision = policy().revision, .hash = policy().hash, .error = to_string(input.error())};
        options_.say(fmt::format("not reloaded, r{} stays live: {}", policy().revision, to_string(input.error())));
        co_return;
      }
      const std::string hash = config::hash_of(*input);
      const Applied applied = co_await apply({.input = std::move(*input), .way = store::Revision::Way::hup, .author = "HUP"});
      if (hup_refused_.says(applied.taken_back ? hash : "")) options_.say(describe(applied));
    });
  });
}

std::string describe(const Applied& applied) {
  std::string text = applied.under_way != 0 && !applied.live
                         ? fmt::format("r{} is on its way, r{} stays live until then", applied.under_way, applied.revision)
                     : applied.live ? fmt::format("r{} is live ({})", applied.revision, applied.hash)
                                  : fmt::format("not applied, r{} stays live", applied.revision);
  if (!applied.error.empty()) text += ": " + applied.error;
  for (const std::string& note : applied.notes) text += "\n  " + note;
  if (!applied.report_text.empty()) text += "\n" + applied.report_text;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace weir::control
