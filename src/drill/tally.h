// What came of the requests of a run: one row each, kept whole, so that any window can be asked for
// afterwards with exact counts. Bound: kMostRows, then rows are counted and dropped.
//
// An outcome is a word: the status of an answer ("200", "503"), the cause where the gateway itself
// answered ("limit_rejected"), or what the client saw instead of an answer (saw).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "base/time.h"

namespace weir::drill {

namespace saw {
inline constexpr std::string_view kRefused = "refused";
inline constexpr std::string_view kUnreachable = "unreachable";
inline constexpr std::string_view kReset = "reset";
inline constexpr std::string_view kClosed = "closed";
inline constexpr std::string_view kBroken = "broken";     // not HTTP
inline constexpr std::string_view kGaveUp = "gave_up";    // patience ran out
inline constexpr std::string_view kNotSent = "not_sent";  // too much under way
inline constexpr std::array kAll = {kRefused, kUnreachable, kReset,  kClosed,
                                    kBroken,  kGaveUp,      kNotSent};
}  // namespace saw

struct Row {
  Nanos came{0};  // when it was due, from the beginning of the traffic
  Nanos took{0};  // from then to its end
  std::uint16_t traffic = 0, request = 0, outcome = 0;
  bool good = false, retry = false;
};

struct Window {
  Nanos from{0}, to{Nanos::max()};  // requests that came in [from, to)
  std::optional<std::uint16_t> traffic;
  std::optional<std::uint16_t> request;  // a number of Tally::request()
};

struct Summary {
  std::uint64_t requests = 0, good = 0, retries = 0;
  std::map<std::string, std::uint64_t> outcomes;
  Histogram took;
  double good_share() const {
    return requests == 0 ? 1 : static_cast<double>(good) / static_cast<double>(requests);
  }
};

class Tally {
 public:
  static constexpr std::size_t kMostRows = 20'000'000;
  static constexpr std::size_t kMostWords = 1000;

  // Words become numbers once; beyond the bound all are "other".
  std::uint16_t outcome(std::string_view word);
  std::uint16_t request(std::string_view name);
  void add(const Row& row);

  std::size_t rows() const { return rows_.size(); }
  std::uint64_t dropped() const { return dropped_; }
  Summary summary(const Window& window) const;

 private:
  static std::uint16_t number(std::vector<std::string>& words, std::string_view word);

  std::vector<std::string> outcomes_, requests_;
  std::vector<Row> rows_;
  std::uint64_t dropped_ = 0;
};

}  // namespace weir::drill
