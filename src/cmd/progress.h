// How far long work over files has come: one line of standard error, drawn anew; on a terminal
// alone.
#pragma once

#include <cstdint>
#include <functional>

namespace weir::cmd {

class Progress {
 public:
  ~Progress() { clear(); }
  // Told bytes done and bytes of all (0: not known); empty where there is no terminal.
  std::function<void(std::uint64_t, std::uint64_t)> teller();
  void clear();

 private:
  void show(std::uint64_t done, std::uint64_t all);

  unsigned percent_ = 101;
  std::uint64_t shown_ = 0;
  bool drawn_ = false;
};

}  // namespace weir::cmd
