// Intrusive circular list: a Link is a node and, standing alone, an empty list. Joining and leaving
// are O(1) and never allocate; a node leaves by itself when destroyed, so no list ever points at
// something gone.
#pragma once

namespace weir::io {

class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

  // As a list head.
  bool empty() const { return next_ == this; }
  Link* first() const { return next_; }
  Link* next() const { return next_; }  // behind this node; the head behind the last
  void push_back(Link& node) {
    node.unlink();
    node.prev_ = prev_;
    node.next_ = this;
    prev_->next_ = &node;
    prev_ = &node;
  }
  // Everything of `other` goes behind what is here, in its order.
  void take_all(Link& other) {
    if (other.empty()) return;
    other.next_->prev_ = prev_;
    other.prev_->next_ = this;
    prev_->next_ = other.next_;
    prev_ = other.prev_;
    other.prev_ = other.next_ = &other;
  }

 private:
  Link* prev_ = this;
  Link* next_ = this;
};

}  // namespace weir::io
