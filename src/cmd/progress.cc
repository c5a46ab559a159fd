#include "cmd/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "cmd/terminal.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

constexpr unsigned kBar = 40;

}  // namespace

std::function<void(std::uint64_t, std::uint64_t)> Progress::teller() {
  if (!is_lively() || ::isatty(STDERR_FILENO) == 0) return {};
  return [this](std::uint64_t done, std::uint64_t all) { show(done, all); };
}

void Progress::show(std::uint64_t done, std::uint64_t all) {
  const auto percent =
      all == 0 ? 0 : static_cast<unsigned>(std::min<std::uint64_t>(done * 100 / all, 100));
  // Less than before: the input is read once more.
  if (percent == percent_ && done >= shown_ && done - shown_ < (8u << 20)) return;
  percent_ = percent;
  shown_ = done;
  std::string bar;
  for (unsigned i = 0; i < kBar && all > 0; ++i) bar += i < percent * kBar / 100 ? "█" : "░";
  const std::string text = all == 0 ? control::bytes_text(done)
                                    : fmt::format("{} {} of {}", bar, control::bytes_text(done),
                                                  control::bytes_text(all));
  fmt::print(stderr, "\r{}\x1b[K", text);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace weir::cmd
