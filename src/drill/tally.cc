#include "drill/tally.h"

#include <algorithm>

namespace weir::drill {

std::uint16_t Tally::number(std::vector<std::string>& words, std::string_view word) {
  auto found = std::ranges::find(words, word);
  if (found == words.end()) {
    if (words.size() >= kMostWords) return number(words, words.back());
    words.emplace_back(words.size() + 1 == kMostWords ? std::string_view("other") : word);
    found = words.end() - 1;
  }
  return static_cast<std::uint16_t>(found - words.begin());
}

std::uint16_t Tally::outcome(std::string_view word) { return number(outcomes_, word); }
std::uint16_t Tally::request(std::string_view name) { return number(requests_, name); }

void Tally::add(const Row& row) {
  if (rows_.size() >= kMostRows) {
    ++dropped_;
    return;
  }
  rows_.push_back(row);
}

Summary Tally::summary(const Window& window) const {
  Summary sum;
  std::vector<std::uint64_t> counts(outcomes_.size());
  for (const Row& row : rows_) {
    if (row.came < window.from || row.came >= window.to) continue;
    if (window.traffic && row.traffic != *window.traffic) continue;
    if (window.request && row.request != *window.request) continue;
    ++sum.requests;
    sum.good += row.good;
    sum.retries += row.retry;
    ++counts[row.outcome];
    sum.took.add(row.took);
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) sum.outcomes[outcomes_[i]] = counts[i];
  }
  return sum;
}

}  // namespace weir::drill
