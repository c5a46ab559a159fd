#include "record/segment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "record/arrivals.h"
#include "record/shape.h"

namespace weir::record {
namespace {

// 14 varints, the values and three names of a usual length.
constexpr std::size_t kMaxArrivalBytes = 14 * 10 + 8 * Arrival::kValues + 2 + 3 * 64;
constexpr std::size_t kMaxFlightBytes = 26 * 10 + 4 * 64;
constexpr std::size_t kBlockFlights = 4096;

}  // namespace

SegmentWriter::SegmentWriter(const SegmentStart& start, const NameTable& names, std::string& out)
    : names_(names), out_(out) {
  out_.append(kSegmentMagic);
  ByteWriter writer = this->writer(64);
  writer.word(start.installation.value);
  writer.word(static_cast<std::uint64_t>(start.wall.time_since_epoch().count()));
  writer.word(static_cast<std::uint64_t>(start.stamp.time_since_epoch().count()));
  writer.varint(start.number);
  writer.varint(start.hops ? kSaysHops : 0);
  seal(BlockKind::start, writer);
}

ByteWriter SegmentWriter::writer(std::size_t bytes) {
  if (raw_.size() < bytes) raw_.resize(std::min(bytes, kMaxBlock));
  return ByteWriter(raw_);
}

bool SegmentWriter::seal(BlockKind kind, const ByteWriter& writer) {
  if (writer.ok()) sealer_.seal(kind, std::span(raw_).first(writer.size()), out_);
  return writer.ok();
}

void SegmentWriter::configuration(const RecordedConfiguration& configuration) {
  if (!configurations_.insert(configuration.hash).second) return;
  std::size_t bytes = 64 + configuration.hash.size() + configuration.directory.size();
  for (const auto& [name, text] : configuration.files) bytes += name.size() + text.size() + 40;
  ByteWriter writer = this->writer(bytes);
  writer.string(configuration.hash);
  writer.string(configuration.directory);
  writer.varint(configuration.files.size());
  for (const auto& [name, text] : configuration.files) {
    writer.string(name);
    writer.string(text);
  }
  seal(BlockKind::configuration, writer);
}

void SegmentWriter::policy(const RecordedPolicy& policy) {
  flush();   // the order of blocks is the order of events
  std::size_t bytes = 64 + policy.hash.size();
  for (const std::string& literal : policy.literals) bytes += literal.size() + 20;
  ByteWriter writer = this->writer(bytes);
  writer.varint(policy.revision);
  writer.string(policy.hash);
  writer.varint(policy.literals.size());
  for (const std::string& literal : policy.literals) writer.string(literal);
  if (seal(BlockKind::policy, writer) || policy.literals.empty()) return;
  // More literals than a block holds: without them more paths cannot be judged, none is judged wrongly.
  this->policy({.revision = policy.revision, .hash = policy.hash, .literals = {}});
}

void SegmentWriter::peaks(const CallerPeaks& peaks) {
  ByteWriter writer = this->writer(64 + peaks.all.size() * 28);
  writer.varint(peaks.number);
  writer.varint(peaks.all.size());
  for (const CallerPeak& each : peaks.all) {
    writer.word(each.caller);
    writer.varint(each.per_second);
    writer.varint(each.days);
  }
  seal(BlockKind::peaks, writer);
}

void SegmentWriter::conditions(const RecordedConditions& conditions) {
  const std::uint64_t peaks = conditions.peaks == nullptr ? 0 : conditions.peaks->number;
  if (peaks != 0 && std::exchange(peaks_, peaks) != peaks) this->peaks(*conditions.peaks);
  ByteWriter writer = this->writer(64 + 8 * conditions.unusable.size());
  writer.varint(conditions.number);
  writer.varint(conditions.unusable.size());
  for (const std::uint64_t identity : conditions.unusable) writer.word(identity);
  if (peaks != 0) writer.varint(peaks);
  seal(BlockKind::conditions, writer);
}

void SegmentWriter::add(std::span<const std::byte> batch) {
  BatchReader reader(batch);
  for (BatchItem item; reader.next(item);) {
    if (item.kind == ItemKind::arrival && item.content.size() == sizeof(Arrival)) {
      std::memcpy(&arrivals_.emplace_back(), item.content.data(), sizeof(Arrival));
      ++added_;
      if (arrivals_.size() == kBlockArrivals) flush();
    } else if (item.kind == ItemKind::flight && item.content.size() == sizeof(Flight)) {
      std::memcpy(&flights_.emplace_back(), item.content.data(), sizeof(Flight));
      if (flights_.size() == kBlockArrivals) flush();
    } else if (item.kind == ItemKind::shape) {
      add_shape(item.content);
    }
  }
}

void SegmentWriter::add_shape(std::span<const std::byte> item) {
  // A batch names its shapes: eight bytes of digest, then the encoded shape.
  if (item.size() < 8 || shapes_.size() >= kMaxShapes) return;
  std::uint64_t digest;
  std::memcpy(&digest, item.data(), 8);
  if (shapes_.contains(digest)) return;
  if (new_shapes_.size() + item.size() + 64 > kMaxBlock) write_shapes();
  shapes_.emplace(digest, static_cast<std::uint32_t>(shapes_.size()));
  new_shapes_.resize(new_shapes_.size() + item.size() + 10);
  const std::size_t begin = new_shapes_.size() - item.size() - 10;
  ByteWriter writer(std::span(new_shapes_).subspan(begin));
  writer.word(digest);
  writer.varint(item.size() - 8);
  std::memcpy(new_shapes_.data() + begin + writer.size(), item.data() + 8, item.size() - 8);
  new_shapes_.resize(begin + writer.size() + item.size() - 8);
  ++new_shape_count_;
}

void SegmentWriter::write_shapes() {
  if (new_shape_count_ == 0) return;
  ByteWriter writer = this->writer(64 + new_shapes_.size());
  writer.varint(shapes_.size() - new_shape_count_);
  writer.varint(new_shape_count_);
  writer.bytes({reinterpret_cast<const char*>(new_shapes_.data()), new_shapes_.size()});
  seal(BlockKind::shapes, writer);
  new_shapes_.clear();
  new_shape_count_ = 0;
}

void SegmentWriter::flush() {
  write_shapes();
  if (!arrivals_.empty()) {
    if (!std::ranges::is_sorted(arrivals_, before_in_replay)) std::ranges::sort(arrivals_, before_in_replay);
    write_arrivals(arrivals_);
    arrivals_.clear();
  }
  if (!flights_.empty()) {
    std::ranges::sort(flights_, before_in_replay);
    for (std::span<const Flight> left = flights_; !left.empty();) {   // in blocks no larger than those of arrivals
      const auto block = left.first(std::min(left.size(), kBlockFlights));
      write_flights(block);
      left = left.subspan(block.size());
    }
    flights_.clear();
  }
}

void SegmentWriter::write_arrivals(std::span<const Arrival> arrivals) {
  ByteWriter writer = this->writer(4096 + arrivals.size() * kMaxArrivalBytes);
  encode_arrivals(arrivals, names_, shapes_, writer);
  if (seal(BlockKind::arrivals, writer) || arrivals.size() < 2) return;
  write_arrivals(arrivals.first(arrivals.size() / 2));   // too many long names for one block
  write_arrivals(arrivals.subspan(arrivals.size() / 2));
}

void SegmentWriter::write_flights(std::span<const Flight> flights) {
  ByteWriter writer = this->writer(4096 + flights.size() * kMaxFlightBytes);
  encode_flights(flights, names_, writer);
  if (seal(BlockKind::flights, writer) || flights.size() < 2) return;
  write_flights(flights.first(flights.size() / 2));
  write_flights(flights.subspan(flights.size() / 2));
}

}  // namespace weir::record
