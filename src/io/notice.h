// Notice: how another thread catches a loop's attention. A mailbox owns one; raising it puts it on
// the loop's list (once, however often it is raised before the loop looks) and wakes the loop,
// which then calls noticed().
#pragma once

#include <atomic>

namespace weir::io {

class Notice {
 public:
  Notice(const Notice&) = delete;
  Notice& operator=(const Notice&) = delete;

 protected:
  Notice() = default;
  ~Notice() = default;

 private:
  friend class Loop;
  virtual void noticed() = 0;  // on the loop's thread
  std::atomic<bool> raised_{false};
  Notice* next_ = nullptr;
};

}  // namespace weir::io
