// How far long work over files has come: one line of standard error, drawn anew. Only on a
// terminal.
#pragma once

#include <cstdint>
#include <functional>

namespace weir::cmd {

class Progress {
 public:
  ~Progress() { clear(); }
  // Told of bytes done, and of all (0: not known). Empty where there is no terminal to draw on.
  std::function<void(std::uint64_t, std::uint64_t)> shown();
  void clear();

 private:
  void show(std::uint64_t done, std::uint64_t all);
  unsigned percent_ = 101;
  std::uint64_t shown_ = 0;
  bool drawn_ = false;
};

}  // namespace weir::cmd
