#include "drill/fault.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/cases.h"
#include "config/complaint.h"
#include "config/diagnostic.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

using config::quote;
using config::Read;
using Kind = Fault::Kind;

struct Form {
  std::string_view word;
  Kind kind;
  std::string_view example;
};
constexpr std::array<Form, 7> kForms = {{{"delay", Kind::delay, "delay 200ms jitter 50ms down"},
                                         {"rate", Kind::rate, "rate 10KiB/s"},
                                         {"trickle", Kind::trickle, "trickle 1B every 100ms"},
                                         {"corrupt", Kind::corrupt, "corrupt 0.1% down"},
                                         {"reset", Kind::reset, "reset after 1KiB on 5%"},
                                         {"half-open", Kind::half_open, "half-open on 5%"},
                                         {"blackhole", Kind::blackhole, "blackhole"}}};
constexpr Nanos kLongest = std::chrono::hours(1);

const Form& form_of(Kind kind) { return *std::ranges::find(kForms, kind, &Form::kind); }

// Reads the words behind the first one. Each word is taken from the front; what is missing or does
// not belong leaves a complaint.
class Reader {
 public:
  explicit Reader(std::string_view text) : whole_(text), rest_(text) {}

  std::string_view word() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    const std::string_view taken = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  void wrong(const std::string& what, std::string_view example) {
    if (!complaint_)
      complaint_ = config::Complaint{
          fmt::format("{}: {}", quote(whole_), what), fmt::format("write {}", example), {}};
  }
  template <class T>
  T value(Read<T> read) {
    if (read) return *read;
    if (!complaint_) complaint_ = read.error();
    return T{};
  }
  Nanos time() {
    const Nanos time = value(config::read_moment(word())).value;
    if (time > kLongest) wrong("longer than an hour", "at most 60m");
    return time;
  }
  Nanos some_time() {
    const Nanos time = this->time();
    if (time <= Nanos(0)) wrong("takes no time", "a time above zero, such as 200ms");
    return time;
  }
  const std::optional<config::Complaint>& complaint() const { return complaint_; }

 private:
  std::string_view whole_, rest_;
  std::optional<config::Complaint> complaint_;
};

void read_modifier(Reader& reader, std::string_view word, const Form& form, Fault& fault) {
  const Kind kind = fault.kind;
  const bool cuts = kind == Kind::reset || kind == Kind::half_open;
  if ((word == "up" || word == "down") && !cuts && kind != Kind::blackhole) {
    fault.way = word == "up" ? Way::up : Way::down;
  } else if (word == "on" && kind != Kind::blackhole) {
    fault.on = reader.value(config::read_share(reader.word()));
  } else if (word == "after" && cuts) {
    fault.size = reader.value(config::read_size(reader.word()));
  } else if (word == "jitter" && kind == Kind::delay) {
    fault.jitter = reader.time();
  } else {
    reader.wrong(fmt::format("{} has no place there", quote(word)), form.example);
  }
}

std::string in_words() {
  std::string all;
  for (const Form& form : kForms)
    all += (all.empty() ? "" : &form == &kForms.back() ? " or " : ", ") + std::string(form.word);
  return all;
}

}  // namespace

Read<Fault> read_fault(std::string_view text) {
  Reader reader(text);
  const std::string_view name = reader.word();
  const auto form = std::ranges::find(kForms, name, &Form::word);
  if (form == kForms.end()) {
    std::vector<std::string_view> words;
    for (const Form& each : kForms) words.push_back(each.word);
    const std::string_view near = config::nearest(name, words);
    return config::complain(fmt::format("{} is not a fault", quote(name)),
                            near.empty() ? fmt::format("write {}", in_words())
                                         : fmt::format("did you mean {}? ({})", near, in_words()));
  }
  Fault fault{.kind = form->kind};
  switch (fault.kind) {
    case Kind::delay:
      fault.time = reader.some_time();
      break;
    case Kind::rate:
      fault.size = reader.value(config::read_size_rate(reader.word()));
      break;
    case Kind::corrupt:
      fault.share = reader.value(config::read_share(reader.word()));
      break;
    case Kind::trickle:
      fault.size = reader.value(config::read_size(reader.word()));
      if (reader.word() != "every") reader.wrong("how often is not said", form->example);
      fault.time = reader.some_time();
      break;
    case Kind::reset:
    case Kind::half_open:
    case Kind::blackhole:
      break;
  }
  for (std::string_view word = reader.word(); !word.empty() && !reader.complaint();
       word = reader.word())
    read_modifier(reader, word, *form, fault);
  if (fault.kind == Kind::delay && fault.jitter > fault.time)
    reader.wrong("the jitter is greater than the delay", form->example);
  if (reader.complaint()) return std::unexpected(*reader.complaint());
  return fault;
}

std::string print_fault(const Fault& fault) {
  const auto time = [](Nanos value) { return config::print_moment({value}); };
  std::string text(form_of(fault.kind).word);
  switch (fault.kind) {
    case Kind::delay:
      text += " " + time(fault.time);
      if (fault.jitter > Nanos(0)) text += " jitter " + time(fault.jitter);
      break;
    case Kind::rate:
      text += " " + config::print_size(fault.size) + "/s";
      break;
    case Kind::trickle:
      text += " " + config::print_size(fault.size) + " every " + time(fault.time);
      break;
    case Kind::corrupt:
      text += " " + config::print_share(fault.share);
      break;
    case Kind::reset:
    case Kind::half_open:
      if (fault.size.count > 0) text += " after " + config::print_size(fault.size);
      break;
    case Kind::blackhole:
      break;
  }
  if (fault.way) text += *fault.way == Way::up ? " up" : " down";
  if (fault.on.thousandths != config::Share::kWhole) text += " on " + config::print_share(fault.on);
  return text;
}

Ordeal ordeal(std::span<const Fault> faults, const Chance& chance, std::uint64_t connection,
              std::uint64_t turn) {
  Ordeal made;
  const auto apply = [](const Fault& fault, Passage& passage) {
    switch (fault.kind) {
      case Kind::delay:
        passage.delay = fault.time;
        passage.jitter = fault.jitter;
        break;
      case Kind::rate:
        passage.rate = fault.size;
        break;
      case Kind::trickle:
        passage.drop = fault.size;
        passage.every = fault.time;
        break;
      case Kind::corrupt:
        passage.corrupt = fault.share.of_one();
        break;
      case Kind::reset:
      case Kind::half_open:
      case Kind::blackhole:
        break;
    }
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const Fault& fault = faults[i];
    if (chance.unit(Draw::fault, connection, turn, i) >= fault.on.of_one()) continue;
    if (fault.kind == Kind::reset) made.reset_after = fault.size.count;
    if (fault.kind == Kind::half_open) made.silent_after = fault.size.count;
    if (fault.way != Way::down) apply(fault, made.up);
    if (fault.way != Way::up) apply(fault, made.down);
  }
  return made;
}

bool has_blackhole(std::span<const Fault> faults) {
  return std::ranges::any_of(faults,
                             [](const Fault& fault) { return fault.kind == Kind::blackhole; });
}

}  // namespace weir::drill
