#include "record/columns.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "record/name_column.h"

namespace weir::record {
namespace {

// Shape references: 0 not recorded, 1 lost, else index + 2.
std::uint64_t reference(std::uint64_t digest, const ShapeIndex& shapes) {
  if (digest == 0) return 0;
  const auto found = shapes.find(digest);
  return found == shapes.end() ? 1 : std::uint64_t{found->second} + 2;
}

std::uint64_t dereference(std::uint64_t reference, const ShapeDigests& shapes) {
  if (reference < 2) return reference == 0 ? 0 : kLostShape;
  const std::uint64_t index = reference - 2;
  return index >= shapes.size() || shapes[index] == 0 ? kLostShape : shapes[index];
}

// Differences in two's complement, so that any pair of words has one.
std::int64_t difference(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }

std::size_t used_values(std::span<const Arrival> arrivals) {
  std::size_t used = 0;
  for (const Arrival& a : arrivals) {
    while (used < a.values.size() && std::ranges::any_of(std::span(a.values).subspan(used), std::identity())) ++used;
  }
  return used;
}

constexpr std::size_t kColumns = 13;   // each takes at least one byte an arrival

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
  for (const Arrival& a : arrivals) out.varint(reference(a.target, shapes));
  for (const Arrival& a : arrivals) out.varint(reference(a.head, shapes));
  for (const Arrival& a : arrivals) out.varint(reference(a.caller, shapes));
  for (const Arrival& a : arrivals) out.varint(reference(a.client, shapes));
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
}

bool decode_arrivals(ByteReader& in, const ShapeDigests& shapes, std::int64_t shift, NameTable& names,
                     std::vector<RecordedArrival>& out) {
  const NameList list(in, names);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / kColumns) return false;

  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(count));
  const std::span<RecordedArrival> block = std::span(out).subspan(begin);
  std::uint64_t last = 0;
  for (RecordedArrival& a : block) {
    last += static_cast<std::uint64_t>(unzigzag(in.varint()));
    a.stamp = shifted(last, shift);
  }
  for (RecordedArrival& a : block) a.exchange.worker = WorkerId{static_cast<std::uint16_t>(in.varint())};
  std::unordered_map<std::uint16_t, std::uint64_t> sequences;
  for (RecordedArrival& a : block) {
    std::uint64_t& before = sequences[a.exchange.worker.value];
    a.exchange.sequence = before += static_cast<std::uint64_t>(unzigzag(in.varint()));
  }
  for (RecordedArrival& a : block) a.target = dereference(in.varint(), shapes);
  for (RecordedArrival& a : block) a.head = dereference(in.varint(), shapes);
  for (RecordedArrival& a : block) a.caller = dereference(in.varint(), shapes);
  for (RecordedArrival& a : block) a.client = dereference(in.varint(), shapes);
  last = 0;
  for (RecordedArrival& a : block) {
    last += static_cast<std::uint64_t>(unzigzag(in.varint()));
    a.revision = static_cast<std::uint32_t>(last);
  }
  for (RecordedArrival& a : block) a.route = list.next(in);
  for (RecordedArrival& a : block) a.rule = list.next(in);
  for (RecordedArrival& a : block) a.endpoint = list.next(in);
  for (RecordedArrival& a : block) {
    const std::uint64_t both = in.varint();
    if (both >> 2 >= static_cast<std::uint64_t>(Cause::count_)) in.fail();
    a.cause = static_cast<Cause>(both >> 2);
    a.action = static_cast<Action>(both & 3);
  }
  for (RecordedArrival& a : block) {
    const std::uint64_t bytes = in.varint();
    if (bytes > std::numeric_limits<std::uint16_t>::max()) in.fail();
    a.head_bytes = static_cast<std::uint16_t>(bytes);
  }
  last = 0;
  for (RecordedArrival& a : block) {
    last += static_cast<std::uint64_t>(unzigzag(in.varint()));
    a.conditions = last;
  }
  const std::uint64_t values = in.varint();
  if (values > Arrival::kValues) in.fail();
  for (std::uint64_t i = 0; i < values && in.ok(); ++i) {
    for (RecordedArrival& a : block) a.values[i] = in.word();
  }
  if (!in.finished()) out.resize(begin);
  return in.finished();
}

}  // namespace weir::record
