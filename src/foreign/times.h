// Times as logs write them, to WallTime. No clock, no zone database: a time without a zone is taken
// to lie `zone` east of UTC.
//   clf      24/Jan/2022:16:51:02 +0000, also in brackets; HAProxy's 24/Jan/2022:16:51:02.123
//            without a zone
//   iso      2022-01-24T16:51:02.123456Z; a space for the T, a comma for the point, +01:00, +0100,
//            +01 or no zone
//   error    2022/01/24 16:33:06 (nginx error logs)
//   epoch    1693840791.7564995, seconds with decimals; or an integer of a smaller unit
// Years 1970 to 2199. A second of 60 (a leap second) is the next minute's first. The precision is
// what the digits say.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "foreign/values.h"

namespace weir::foreign {

struct LogTime {
  WallTime time;
  Nanos precision{std::chrono::seconds(1)};
  bool zoneless = false;  // it was taken to lie in the zone that was given
};

// Z, UTC, GMT, +hh:mm, -hhmm or +hh, as nanoseconds east of UTC.
std::optional<Nanos> read_zone(std::string_view text);
std::string zone_text(Nanos zone);  // "UTC", "+09:00"

std::optional<LogTime> read_iso_time(std::string_view text, Nanos zone);
std::optional<LogTime> read_epoch(std::string_view text, TimeUnit unit);
// Whatever it is; an integer's unit by its size (10 digits seconds, 13 ms, 16 us, 19 ns).
std::optional<LogTime> read_any_time(std::string_view text, Nanos zone);

// Lines follow each other within the same second: the last text and its time are kept, and what was
// computed for its day.
class ClfTimes {
 public:
  explicit ClfTimes(Nanos zone) : zone_(zone) {}
  std::optional<LogTime> read(std::string_view text) {
    if (has_last_ && text.size() == last_text_.size() &&
        std::memcmp(text.data(), last_text_.data(), last_text_.size()) == 0)
      return last_;
    return read_anew(text);
  }

 private:
  std::optional<LogTime> read_anew(std::string_view text);

  Nanos zone_;
  std::array<char, 26> last_text_{};  // 24/Jan/2022:16:51:02 +0000
  LogTime last_;
  bool has_last_ = false;
  std::array<char, 11> day_{};  // dd/Mon/yyyy
  std::int64_t day_start_ = 0;  // seconds since 1970, UTC
};

}  // namespace weir::foreign
