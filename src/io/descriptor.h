// Descriptors: owned, and handed from one thread to another. A thread that carries connections has a table of descriptors of its own.
// Of a table that several threads have, the system counts a reference out and in for each call, and an accept or a close waits for the
// others' (docs/design/003-event-loop.md: a table for each worker). A number then means something in one table alone, so who opens a
// listening socket for such a thread passes it on.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace weir::io {

// Closed when it ends, in the table of the thread that it ends on.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor();

  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_ = -1;
};

// The calling thread has a table of its own from now on, with the three standard ones and `kept` in it, under the numbers they had.
// False where the system does not (Linux before 5.9, a filter of system calls): then it shares the one of all as before.
bool own_descriptors(std::span<const int> kept);

// From one thread to another, in order. What is on its way is open in neither table but the sender's.
class DescriptorPassage {
 public:
  DescriptorPassage();  // ends the program when the system has no descriptor left: nothing could work without

  // Keeps its own of them. Where the system has no room for them on the way (some thousands find room) the last are lost.
  void pass(std::span<const int> descriptors);

  // On the other thread, which keeps exit() open: what one pass() of `count` brought. Fewer, the first of them, where some were lost on
  // the way or this table is full.
  std::vector<Descriptor> receive(std::size_t count);
  int exit() const { return exit_.get(); }

 private:
  Descriptor entrance_, exit_;
};

}  // namespace weir::io
