// Strings whose memory goes from one exchange to the next. What an exchange keeps over its suspensions (the head to send,
// the texts of its record) lives in one, so that a warm worker allocates nothing for it.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace weir::proxy {

class SpareStrings {
 public:
  static constexpr std::size_t kMost = 4096, kLargest = 4096;   // two for each of 2,048 exchanges under way

  std::string take() {
    if (kept_.empty()) return {};
    std::string text = std::move(kept_.back());
    kept_.pop_back();
    return text;
  }
  void give(std::string text) {
    if (kept_.size() == kMost || text.capacity() > kLargest) return;
    text.clear();
    kept_.push_back(std::move(text));
  }

 private:
  std::vector<std::string> kept_;
};

// One of them, for as long as this lives.
class SpareString {
 public:
  explicit SpareString(SpareStrings& from) : text(from.take()), from_(from) {}
  ~SpareString() { from_.give(std::move(text)); }
  SpareString(SpareString&& other) noexcept : text(std::move(other.text)), from_(other.from_) {}
  SpareString(const SpareString&) = delete;
  SpareString& operator=(const SpareString&) = delete;

  std::string text;

 private:
  SpareStrings& from_;
};

}  // namespace weir::proxy
