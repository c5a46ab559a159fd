#include "decide/own_load.h"

#include <cmath>

namespace weir::decide {
namespace {

double sixth(double from) { return (1 - from) / kShedLevels; }

}  // namespace

void ShareLevel::on_share(double share, double from, ShedLevel most) {
  constexpr double kRounding = 1e-9;
  const int most_level = static_cast<int>(most);
  const double steps = std::floor((share - from) / sixth(from) + kRounding) + 1;
  const int reached = static_cast<int>(std::clamp(steps, 0.0, double(most_level)));
  const int kept = static_cast<int>(std::clamp(steps + 1, 0.0, double(most_level)));
  level_ = static_cast<ShedLevel>(std::clamp(static_cast<int>(level_), reached, kept));
}

double begins_at(ShedLevel level, double from) {
  return from + (static_cast<int>(level) - 1) * sixth(from);
}

void QueueLevel::on_delay(Nanos delay, Stamp now, Nanos target) {
  if (began_ == Stamp::min()) began_ = now;
  least_ = std::min(least_, delay);
  if (now - began_ < kInterval) return;
  const auto stands = [&](int level) {
    return least_ > (level > static_cast<int>(ShedLevel::sheddable) ? kNormalFactor * target : target);
  };
  int level = static_cast<int>(level_);
  if (level < static_cast<int>(ShedLevel::normal) && stands(level + 1)) {
    ++level;
  } else if (level > 0 && !stands(level)) {
    --level;
  }
  level_ = static_cast<ShedLevel>(level);
  began_ = now;
  least_ = Nanos::max();
}

std::string_view to_string(OwnResource resource) {
  switch (resource) {
    case OwnResource::memory: return "memory";
    case OwnResource::descriptors: return "descriptors";
    case OwnResource::loop: return "loop";
    case OwnResource::accept_queue: return "accept_queue";
  }
  return "memory";
}

std::string_view to_string(ShedLevel level) {
  switch (level) {
    case ShedLevel::none: return "nobody";
    case ShedLevel::unknown_sheddable: return "sheddable requests of unknown callers";
    case ShedLevel::sheddable: return "sheddable requests";
    case ShedLevel::unknown_normal: return "sheddable requests, and normal ones of unknown callers";
    case ShedLevel::normal: return "sheddable and normal requests";
    case ShedLevel::unknown_critical: return "all but critical requests of known callers";
    case ShedLevel::all: return "all requests";
  }
  return "nobody";
}

}  // namespace weir::decide
