// A process that the drill starts and ends. It ends with the drill, whatever becomes of that: the
// kernel sends it `orphaned` when its parent has gone; only SIGKILL reaches one that is frozen.
// What it prints goes into files of the run's folder.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::drill {

class Child {
 public:
  Child(std::string program, std::vector<std::string> arguments, std::string output,
        int orphaned = SIGINT)
      : program_(std::move(program)),
        arguments_(std::move(arguments)),
        output_(std::move(output)),
        orphaned_(orphaned) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&& other) noexcept;
  ~Child() { end(std::chrono::seconds(5)); }

  Result<> start();
  bool running();
  std::optional<int> exit_code();  // 128 + n where a signal n ended it; absent while it runs
  void signal(int number);         // nothing where it does not run
  // Interrupts it, waits so long, then kills it: false.
  bool end(Nanos patience);

  pid_t pid() const { return pid_; }
  const std::string& output() const {
    return output_;
  }  // file of standard output; errors beside it
  std::string printed() const;     // its first 64 KiB
  std::string complained() const;  // the last 4 KiB of standard error

 private:
  bool look();

  std::string program_;
  std::vector<std::string> arguments_;
  std::string output_;
  int orphaned_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace weir::drill
