// Epochs: how a worker changes its policy under way. A Snapshot is everything that is published to workers at once,
// immutable. A worker holds one counted reference to it per Epoch; the exchanges that use it count in a plain integer
// (one thread), so no exchange touches a counter that cores share. When the last exchange of an old epoch has let go, the
// snapshot is handed to `retire`, which carries it to the thread that may take its time destroying it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "auth/gather.h"
#include "decide/limits/table.h"
#include "model/arms.h"
#include "model/conditions.h"
#include "model/policy.h"

namespace weir::proxy {

// What one policy decides by.
struct Opinion {
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<const Conditions> conditions;
  std::shared_ptr<const auth::KeyTables> keys;
  std::shared_ptr<decide::limits::Table> limits;
  std::uint8_t seat = 0;   // 0 or 1: which of a worker's two seats (worker.h) it decides on
};

// The opinion that holds; and while a change goes out a second one, which decides every request too and is enforced for `arms`.
struct Snapshot : Opinion {
  std::shared_ptr<const Opinion> other;
  Arms arms;

  // Changes the opinion on `seat`, where there is one.
  template <class F>
  void change(std::uint8_t on, F with) {
    if (seat == on) return with(static_cast<Opinion&>(*this));
    if (other == nullptr || other->seat != on) return;
    auto next = std::make_shared<Opinion>(*other);
    with(*next);
    other = std::move(next);
  }
};

class Epochs {
 public:
  using Retire = std::function<void(std::shared_ptr<const Snapshot>)>;
  static constexpr std::size_t kMaxLive = 8;   // whoever publishes waits while a worker has this many

  class Ref {
   public:
    Ref() = default;
    Ref(Ref&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), entry_(other.entry_) {}
    Ref& operator=(Ref&& other) noexcept {
      release();
      owner_ = std::exchange(other.owner_, nullptr);
      entry_ = other.entry_;
      return *this;
    }
    ~Ref() { release(); }
    void release();
    explicit operator bool() const { return owner_ != nullptr; }
    const Snapshot& operator*() const { return *entry_->snapshot; }
    const Snapshot* operator->() const { return entry_->snapshot.get(); }

   private:
    friend class Epochs;
    struct Entry {
      std::shared_ptr<const Snapshot> snapshot;
      std::uint32_t users = 0;
    };
    Epochs* owner_ = nullptr;
    std::list<Entry>::iterator entry_;
  };

  explicit Epochs(Retire retire) : retire_(std::move(retire)) {}
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;

  void publish(std::shared_ptr<const Snapshot> snapshot);
  Ref enter();                                          // the newest
  const Snapshot& newest() const { return *entries_.back().snapshot; }
  bool empty() const { return entries_.empty(); }
  std::size_t live() const { return entries_.size(); }

 private:
  using Entries = std::list<Ref::Entry>;
  void drop(Entries::iterator entry);

  Retire retire_;
  Entries entries_;
};

}  // namespace weir::proxy
