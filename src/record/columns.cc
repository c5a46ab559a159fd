#include "record/columns.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>

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

constexpr std::size_t kColumns = 14;   // each takes at least one byte an arrival

}  // namespace

void encode_arrivals(std::span<const Arrival> arrivals, const NameTable& names, const ShapeIndex& shapes,
                     ByteWriter& out) {
  NameColumn list;
  for (const Arrival& a : arrivals) {
    for (const NameId name : {a.route, a.rule, a.endpoint}) list.place(name);
  }
  list.write_list(names, out);

  out.varint(arrivals.size());
  std::uint64_t last = 0;
  for (const Arrival& a : arrivals) {
    const auto stamp = static_cast<std::uint64_t>(a.stamp.time_since_epoch().count());
    out.varint(zigzag(difference(stamp, last)));
    last = stamp;
  }
  for (const Arrival& a : arrivals) out.varint(a.exchange.worker.value);
  std::unordered_map<std::uint16_t, std::uint64_t> sequences;
  WorkerId worker;
  std::uint64_t* before = nullptr;   // of `worker`, which mostly stays the same
  for (const Arrival& a : arrivals) {
    if (before == nullptr || a.exchange.worker != worker) {
      worker = a.exchange.worker;
      before = &sequences[worker.value];
    }
    out.varint(zigzag(difference(a.exchange.sequence, *before)));
    *before = a.exchange.sequence;
  }
  for (const auto shape : {&Arrival::target, &Arrival::head, &Arrival::caller, &Arrival::client}) {
    References references(shapes);
    for (const Arrival& a : arrivals) out.varint(references.of(a.*shape));
  }
  last = 0;
  for (const Arrival& a : arrivals) {
    out.varint(zigzag(difference(a.revision, last)));
    last = a.revision;
  }
  for (const Arrival& a : arrivals) out.varint(list.place(a.route));
  for (const Arrival& a : arrivals) out.varint(list.place(a.rule));
  for (const Arrival& a : arrivals) out.varint(list.place(a.endpoint));
  for (const Arrival& a : arrivals) {
    out.varint(static_cast<std::uint64_t>(a.cause) << 2 | static_cast<std::uint64_t>(a.action));
  }
  for (const Arrival& a : arrivals) out.varint(a.head_bytes);
  last = 0;
  for (const Arrival& a : arrivals) {
    out.varint(zigzag(difference(a.conditions, last)));
    last = a.conditions;
  }
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
  last = 0;
  for (const Arrival& a : beside ? arrivals : std::span<const Arrival>()) {
    out.varint(zigzag(difference(sum_of_revisions(a), last)));
    last = sum_of_revisions(a);
  }
}

bool decode_arrivals(ByteReader& in, const ShapeDigests& shapes, std::int64_t shift, NameTable& names,
                     std::vector<RecordedArrival>& out, Routes routes) {
  NameList list(in, names);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / kColumns) return false;

  // All columns are walked side by side, so that each arrival is written once, while it is near.
  std::array<VarintColumn, kColumns> column;
  for (VarintColumn& each : column) each = VarintColumn(in, count);
  const std::uint64_t values = in.varint();
  if (values > Arrival::kValues) return false;
  const std::string_view words = in.bytes(values * count * 8);
  const std::string_view hops = in.bytes(in.left() == 0 ? 0 : count);
  const std::string_view asks = in.bytes(in.left() == 0 ? 0 : count);
  const bool beside = in.left() != 0;
  VarintColumn sums(in, beside ? count : 0);
  if (!in.finished()) return false;

  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(count));
  const std::span<RecordedArrival> block = std::span(out).subspan(begin);
  std::uint64_t stamp = 0, revision = 0, conditions = 0, sum = 0;
  std::vector<std::uint64_t> sequences;   // by worker
  bool sound = true;
  for (std::size_t i = 0; i < block.size(); ++i) {
    RecordedArrival& a = block[i];
    const auto step = [&](std::size_t which, std::uint64_t& last) {
      return last += static_cast<std::uint64_t>(unzigzag(column[which].next()));
    };
    a.stamp = shifted(step(0, stamp), shift);
    a.exchange.worker = WorkerId{static_cast<std::uint16_t>(column[1].next())};
    if (a.exchange.worker.value >= sequences.size()) sequences.resize(std::size_t{a.exchange.worker.value} + 1);
    a.exchange.sequence = step(2, sequences[a.exchange.worker.value]);
    a.target = dereference(column[3].next(), shapes);
    a.head = dereference(column[4].next(), shapes);
    a.caller = dereference(column[5].next(), shapes);
    a.client = dereference(column[6].next(), shapes);
    a.revision = static_cast<std::uint32_t>(step(7, revision));
    const std::uint64_t route = column[8].next(), rule = column[9].next();
    a.endpoint = list.next(column[10]);
    const std::uint64_t both = column[11].next();
    sound = sound && both >> 2 < static_cast<std::uint64_t>(Cause::count_);
    a.cause = static_cast<Cause>(both >> 2);
    a.action = static_cast<Action>(both & 3);
    if (routes == Routes::read) a.route = list.at(route, column[8]);
    if (routes == Routes::read || a.cause != Cause::none) a.rule = list.at(rule, column[9]);
    const std::uint64_t bytes = column[12].next();
    sound = sound && bytes <= std::numeric_limits<std::uint16_t>::max();
    a.head_bytes = static_cast<std::uint16_t>(bytes);
    a.conditions = step(13, conditions);
    a.hops = hops.empty() ? 0 : static_cast<std::uint8_t>(hops[i]);
    a.asks = !asks.empty() && asks[i] != 0;
    if (beside) a.second = static_cast<std::uint32_t>((sum += static_cast<std::uint64_t>(unzigzag(sums.next()))) - a.revision);
    for (std::size_t v = 0; v < values; ++v) std::memcpy(&a.values[v], words.data() + 8 * (v * block.size() + i), 8);
  }
  for (const VarintColumn& each : column) sound = sound && each.finished();
  sound = sound && sums.finished();
  if (!sound) out.resize(begin);
  return sound;
}

}  // namespace weir::record
