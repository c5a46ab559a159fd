// A log entry that outlives its line, with a copy of it: memory that the next entry in the same place uses
// again. Entries wait in it until their turn in time has come.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/entry.h"

namespace weir::replay {

class HeldEntry {
 public:
  HeldEntry() = default;
  HeldEntry(const HeldEntry&) = delete;
  HeldEntry& operator=(const HeldEntry&) = delete;

  void assign(const foreign::LogEntry& from) {
    entry_ = from;
    mapped_.assign(from.mapped.begin(), from.mapped.end());
    bool in_line = true;
    each_text([&](std::string_view& text) { in_line = in_line && (text.empty() || is_in(from.raw, text)); });
    if (in_line) keep_line();
    else keep_texts();
    entry_.raw = {};
    entry_.mapped = mapped_;
  }
  const foreign::LogEntry& entry() const { return entry_; }

 private:
  static bool is_in(std::string_view line, std::string_view text) {
    return std::less_equal<>()(line.data(), text.data()) && std::less_equal<>()(text.data() + text.size(), line.data() + line.size());
  }
  // Nearly always: one copy, and all views moved by as much.
  void keep_line() {
    text_.assign(entry_.raw);
    each_text([&](std::string_view& text) {
      if (!text.empty()) text = {text_.data() + (text.data() - entry_.raw.data()), text.size()};
    });
  }
  void keep_texts() {
    std::size_t bytes = 0;
    each_text([&](std::string_view& text) { bytes += text.size(); });
    text_.resize(bytes);
    char* to = text_.data();
    each_text([&](std::string_view& text) {
      if (text.empty()) return;
      std::memcpy(to, text.data(), text.size());
      text = {to, text.size()};
      to += text.size();
    });
  }
  // What replay reads; the rest is dropped.
  template <class Visit>
  void each_text(Visit visit) {
    foreign::LogEntry& e = entry_;
    e.user = e.request_line = e.protocol = e.route = e.request_id = {};
    for (std::string_view* text : {&e.client, &e.method, &e.target, &e.host, &e.upstream,
                                   &e.referer, &e.agent, &e.forwarded_for}) {
      visit(*text);
    }
    for (foreign::MappedFact& fact : mapped_) visit(fact.value);
  }

  std::string text_;
  std::vector<foreign::MappedFact> mapped_;
  foreign::LogEntry entry_;
};

}  // namespace weir::replay
