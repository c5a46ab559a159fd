#include "record/columns.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "record/name_column.h"

namespace weir::record {
namespace {

// Shape references: 0 not recorded, 1 lost, else index + 2.
// Of a column: the next digest is often the last one.
class References {
 public:
  explicit References(const ShapeIndex& shapes) : shapes_(shapes) {}
  std::uint64_t of(std::uint64_t digest) {
    if (digest == 0) return 0;
    if (digest == last_) return reference_;
    last_ = digest;
    const auto found = shapes_.find(digest);
    return reference_ = found == shapes_.end() ? 1 : std::uint64_t{found->second} + 2;
  }

 private:
  const ShapeIndex& shapes_;
  std::uint64_t last_ = 0, reference_ = 0;
};

std::uint64_t dereference(std::uint64_t reference, const ShapeDigests& shapes) {
  if (reference < 2) return reference == 0 ? 0 : kLostShape;
  const std::uint64_t index = reference - 2;
  return index >= shapes.size() || shapes[index] == 0 ? kLostShape : shapes[index];
}

// Differences in two's complement, so that any pair of words has one.
std::int64_t difference(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }

// It stays as it is where two policies decide and now the one, now the other is enforced.
std::uint64_t sum_of_revisions(const Arrival& a) { return std::uint64_t{a.revision} + a.second; }

std::size_t used_values(std::span<const Arrival> arrivals) {
  std::size_t used = 0;
  for (const Arrival& a : arrivals) {
    while (used < a.values.size() && std::ranges::any_of(std::span(a.values).subspan(used), std::identity())) ++used;
  }
  return used;
}

// In the order in which they stand; each takes at least one byte an arrival.
enum Column : std::size_t {
  kStamp, kWorker, kSequence, kTarget, kHead, kCaller, kClient, kRevision, kRoute, kRule, kEndpoint, kOutcome, kHeadBytes, kConditions, kColumns
};

// The columns of a block, from which some arrivals at a time are made: a loop for each column, over arrivals that are near. Most
// columns say the same of every arrival, or of every one after the first: those are read once.
class ArrivalColumns {
 public:
  ArrivalColumns(ByteReader& in, std::uint64_t count, NameList& names, const ShapeDigests& shapes, std::int64_t shift, Routes routes)
      : names_(names), shapes_(shapes), shift_(shift), routes_(routes), count_(count) {
    for (VarintColumn& each : column_) each = VarintColumn(in, count);
    for (const Column which : {kWorker, kTarget, kHead, kCaller, kClient, kRoute, kRule, kEndpoint, kOutcome, kHeadBytes}) {
      same_[which] = column_[which].repeats();
    }
    values_ = in.varint();
    if (values_ > Arrival::kValues) in.fail();
    words_ = in.bytes(values_ * count * 8);
    hops_ = in.bytes(in.left() == 0 ? 0 : count);
    asks_ = in.bytes(in.left() == 0 ? 0 : count);
    beside_ = in.left() != 0;
    sums_ = VarintColumn(in, beside_ ? count : 0);
  }

  // The first arrival alone.
  void first(RecordedArrival& arrival) {
    next(std::span(&arrival, 1));
    for (const Column which : {kStamp, kRevision, kConditions}) same_[which] = column_[which].only_zeros();
  }
  // The next ones, which are copies of the first.
  void next(std::span<RecordedArrival> some) {
    running(some, kStamp, stamp_, [&](RecordedArrival& a, std::uint64_t stamp) { a.stamp = shifted(stamp, shift_); });
    each(some, kWorker, [](RecordedArrival& a, std::uint64_t worker) { a.exchange.worker = WorkerId{static_cast<std::uint16_t>(worker)}; });
    each(some, kSequence, [&](RecordedArrival& a, std::uint64_t step) {
      const std::size_t worker = a.exchange.worker.value;
      if (worker >= sequences_.size()) sequences_.resize(worker + 1);
      a.exchange.sequence = sequences_[worker] += static_cast<std::uint64_t>(unzigzag(step));
    });
    each(some, kTarget, [&](RecordedArrival& a, std::uint64_t shape) { a.target = dereference(shape, shapes_); });
    each(some, kHead, [&](RecordedArrival& a, std::uint64_t shape) { a.head = dereference(shape, shapes_); });
    each(some, kCaller, [&](RecordedArrival& a, std::uint64_t shape) { a.caller = dereference(shape, shapes_); });
    each(some, kClient, [&](RecordedArrival& a, std::uint64_t shape) { a.client = dereference(shape, shapes_); });
    running(some, kRevision, revision_, [](RecordedArrival& a, std::uint64_t revision) { a.revision = static_cast<std::uint32_t>(revision); });
    each(some, kOutcome, [&](RecordedArrival& a, std::uint64_t both) {
      sound_ = sound_ && both >> 2 < static_cast<std::uint64_t>(Cause::count_);
      a.cause = static_cast<Cause>(both >> 2);
      a.action = static_cast<Action>(both & 3);
    });
    names(some);
    each(some, kHeadBytes, [&](RecordedArrival& a, std::uint64_t bytes) {
      sound_ = sound_ && bytes <= std::numeric_limits<std::uint16_t>::max();
      a.head_bytes = static_cast<std::uint16_t>(bytes);
    });
    running(some, kConditions, conditions_, [](RecordedArrival& a, std::uint64_t number) { a.conditions = number; });
    rare(some);
    at_ += some.size();
  }

  bool sound() const {
    bool sound = sound_ && names_.ok() && sums_.finished();
    for (std::size_t i = 0; i < kColumns; ++i) {
      const bool read = !same_[i] && (i != kRoute || routes_ == Routes::read);
      sound = sound && (read ? column_[i].finished() : column_[i].ok());
    }
    return sound;
  }

 private:
  template <class Put>
  void each(std::span<RecordedArrival> some, Column which, const Put& put) {
    if (at_ > 0 && same_[which]) return;
    column_[which].next(some.size(), [&](std::size_t i, std::uint64_t value) { put(some[i], value); });
  }
  template <class Put>
  void running(std::span<RecordedArrival> some, Column which, std::uint64_t& last, const Put& put) {
    each(some, which, [&](RecordedArrival& a, std::uint64_t step) { put(a, last += static_cast<std::uint64_t>(unzigzag(step))); });
  }
  void names(std::span<RecordedArrival> some) {
    const bool all = routes_ == Routes::read;
    if (all) each(some, kRoute, [&](RecordedArrival& a, std::uint64_t place) { a.route = names_.at(place); });
    same_[kRule] = same_[kRule] && (all || same_[kOutcome]);   // whether it is asked for goes by the cause
    if (all || std::ranges::any_of(some, [](const RecordedArrival& a) { return a.cause != Cause::none; })) {
      each(some, kRule, [&](RecordedArrival& a, std::uint64_t place) {
        a.rule = all || a.cause != Cause::none ? names_.at(place) : NameId::none();
      });
    } else if (at_ == 0 || !same_[kRule]) {
      column_[kRule].pass_over(some.size());
      for (RecordedArrival& a : some) a.rule = NameId::none();
    }
    each(some, kEndpoint, [&](RecordedArrival& a, std::uint64_t place) { a.endpoint = names_.at(place); });
  }
  void rare(std::span<RecordedArrival> some) {
    for (std::size_t i = 0; i < some.size() && !hops_.empty(); ++i) some[i].hops = static_cast<std::uint8_t>(hops_[at_ + i]);
    for (std::size_t i = 0; i < some.size() && !asks_.empty(); ++i) some[i].asks = asks_[at_ + i] != 0;
    for (std::size_t i = 0; i < some.size() && beside_; ++i) {
      sum_ += static_cast<std::uint64_t>(unzigzag(sums_.next()));
      some[i].second = static_cast<std::uint32_t>(sum_ - some[i].revision);
    }
    for (std::size_t v = 0; v < values_; ++v) {
      for (std::size_t i = 0; i < some.size(); ++i) std::memcpy(&some[i].values[v], words_.data() + 8 * (v * count_ + at_ + i), 8);
    }
  }

  NameList& names_;
  const ShapeDigests& shapes_;
  std::int64_t shift_;
  Routes routes_;
  std::uint64_t count_, values_ = 0;
  std::array<VarintColumn, kColumns> column_;
  std::array<bool, kColumns> same_{};     // in every arrival that is left
  std::string_view words_, hops_, asks_;
  VarintColumn sums_;
  std::size_t at_ = 0;                    // so many were made
  std::uint64_t stamp_ = 0, revision_ = 0, conditions_ = 0, sum_ = 0;
  std::vector<std::uint64_t> sequences_;  // by worker
  bool beside_ = false, sound_ = true;
};

}  // namespace

void encode_arrivals(std::span<const Arrival> arrivals, const NameTable& names, const ShapeIndex& shapes,
                     ByteWriter& out) {
  NameColumn list;
  for (const Arrival& a : arrivals) {
    for (const NameId name : {a.route, a.rule, a.endpoint}) list.place(name);
  }
  list.write_list(names, out);

  out.varint(arrivals.size());
  const auto column = [&](auto value) { out.varints(arrivals, value); };
  const auto differences = [&](auto value) {
    column([value, last = std::uint64_t{0}](const Arrival& a) mutable {
      const std::uint64_t now = value(a);
      return zigzag(difference(now, std::exchange(last, now)));
    });
  };
  differences([](const Arrival& a) { return static_cast<std::uint64_t>(a.stamp.time_since_epoch().count()); });
  column([](const Arrival& a) { return a.exchange.worker.value; });
  std::unordered_map<std::uint16_t, std::uint64_t> sequences;
  WorkerId worker;
  std::uint64_t* before = nullptr;   // of `worker`, which mostly stays the same
  column([&](const Arrival& a) {
    if (before == nullptr || a.exchange.worker != worker) {
      worker = a.exchange.worker;
      before = &sequences[worker.value];
    }
    return zigzag(difference(a.exchange.sequence, std::exchange(*before, a.exchange.sequence)));
  });
  for (const auto shape : {&Arrival::target, &Arrival::head, &Arrival::caller, &Arrival::client}) {
    References references(shapes);
    column([&](const Arrival& a) { return references.of(a.*shape); });
  }
  differences([](const Arrival& a) { return std::uint64_t{a.revision}; });
  column([&](const Arrival& a) { return list.place(a.route); });
  column([&](const Arrival& a) { return list.place(a.rule); });
  column([&](const Arrival& a) { return list.place(a.endpoint); });
  column([](const Arrival& a) { return static_cast<std::uint64_t>(a.cause) << 2 | static_cast<std::uint64_t>(a.action); });
  column([](const Arrival& a) { return a.head_bytes; });
  differences([](const Arrival& a) { return a.conditions; });
  const std::size_t values = used_values(arrivals);
  out.varint(values);
  for (std::size_t i = 0; i < values; ++i) {
    for (const Arrival& a : arrivals) out.word(a.values[i]);
  }
  const bool beside = std::ranges::any_of(arrivals, [](const Arrival& a) { return a.second != 0; });
  const bool asks = beside || std::ranges::any_of(arrivals, &Arrival::asks);
  if (asks || std::ranges::any_of(arrivals, [](const Arrival& a) { return a.hops != 0; })) {
    for (const Arrival& a : arrivals) out.byte(a.hops);
  }
  if (asks) {
    for (const Arrival& a : arrivals) out.byte(a.asks ? 1 : 0);
  }
  if (beside) differences([](const Arrival& a) { return sum_of_revisions(a); });
}

bool decode_arrivals(ByteReader& in, const ShapeDigests& shapes, RecordedFrom from, NameTable& names,
                     std::vector<RecordedArrival>& out, Routes routes) {
  constexpr std::size_t kNear = 64;
  NameList list(in, names);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / kColumns) return false;
  ArrivalColumns columns(in, count, list, shapes, from.shift, routes);
  if (!in.finished()) return false;
  if (count == 0) return columns.sound();

  RecordedArrival like;
  like.run = from.run;
  like.hops_known = from.hops_known;
  columns.first(like);
  const std::size_t begin = out.size();
  out.reserve(begin + static_cast<std::size_t>(count));
  out.push_back(like);
  bool sorted = true;
  for (std::size_t left = static_cast<std::size_t>(count) - 1; left > 0;) {
    const std::size_t some = std::min(left, kNear), from_here = out.size();
    out.insert(out.end(), some, like);
    columns.next(std::span(out).subspan(from_here));
    for (std::size_t i = from_here; i < out.size(); ++i) sorted = sorted && !before_in_replay(out[i], out[i - 1]);
    left -= some;
  }
  if (!columns.sound()) out.resize(begin);
  else if (!sorted) std::ranges::sort(std::span(out).subspan(begin), before_in_replay);
  return columns.sound();
}

}  // namespace weir::record
