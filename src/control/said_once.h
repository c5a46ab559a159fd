// What a machine asks again and again is refused again and again, and said once: a cron that presents a text that was taken back leaves a
// number in the history (store/revisions.h) and one line in the log.
#pragma once

#include <string>
#include <utility>

namespace weir::control {

class SaidOnce {
 public:
  // `refused`: the hash of the text that is not taken. "": it was not refused so; that is always said, and the next refusal is news again.
  bool says(const std::string& refused) { return std::exchange(last_, refused) != refused || refused.empty(); }

 private:
  std::string last_;
};

}  // namespace weir::control
