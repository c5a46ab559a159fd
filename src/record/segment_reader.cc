#include "record/segment_reader.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "record/bytes.h"
#include "record/segment.h"
#include "record/shape.h"

namespace weir::record {
namespace {

// A start block: 24 bytes and a varint, sealed.
static_assert(kStartBytes >= kSegmentMagic.size() + kBlockHeader + 64);

Result<> check_magic(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kSegmentMagic.size()));
  if (head.size() < kSegmentMagic.size() || head.substr(0, 7) != kSegmentMagic.substr(0, 7))
    return fail(ErrorKind::invalid, "not a segment file", Origin::system);
  if (head != kSegmentMagic)
    return fail(ErrorKind::invalid, "a segment file of another version", Origin::system);
  return {};
}

Result<SegmentStart> read_start(const Block& block) {
  ByteReader in(block.raw);
  SegmentStart start;
  start.installation = InstallationId{in.word()};
  start.wall = wall_from_nanos(static_cast<std::int64_t>(in.word()));
  start.stamp = stamp_from_nanos(static_cast<std::int64_t>(in.word()));
  start.number = in.varint();
  start.hops = in.left() > 0 && (in.varint() & kSaysHops) != 0;
  if (!in.ok())
    return fail(ErrorKind::invalid, "the segment's first block is damaged", Origin::system);
  return start;
}

std::unexpected<Error> no_start() {
  return fail(ErrorKind::invalid, "the segment's first block is missing", Origin::system);
}

}  // namespace

bool BeforeInReplay::operator()(const Arrival& a, const Arrival& b) const {
  return std::tuple(a.stamp, a.exchange.worker, a.exchange.sequence) <
         std::tuple(b.stamp, b.exchange.worker, b.exchange.sequence);
}

bool BeforeInReplay::operator()(const Flight& a, const Flight& b) const {
  return std::tuple(a.arrived, a.exchange.worker, a.exchange.sequence) <
         std::tuple(b.arrived, b.exchange.worker, b.exchange.sequence);
}

const RecordedPolicy* Recording::policy(std::uint32_t revision, std::uint32_t run) const {
  for (auto at = policies.rbegin(); at != policies.rend(); ++at) {
    if (at->revision == revision && at->run == run) return &*at;
  }
  return nullptr;
}

const RecordedConditions* Recording::condition(std::uint64_t number, std::uint32_t run) const {
  for (auto at = conditions.rbegin(); at != conditions.rend(); ++at) {
    if (at->number == number && at->run == run) return &*at;
  }
  return nullptr;
}

std::shared_ptr<const CallerPeaks> Recording::peaks_of(std::uint64_t number, std::uint32_t run) const {
  for (auto at = peaks.rbegin(); at != peaks.rend(); ++at) {
    if (at->peaks->number == number && at->run == run) return at->peaks;
  }
  return nullptr;
}

Result<SegmentStart> segment_start(std::span<const std::byte> bytes) {
  if (auto checked = check_magic(bytes); !checked) return std::unexpected(checked.error());
  std::span<const std::byte> rest = bytes.subspan(kSegmentMagic.size());
  BlockFinder finder;
  Block block;
  if (!finder.next(rest, false, block) || block.kind != BlockKind::start) return no_start();
  return read_start(block);
}

Result<bool> SegmentReader::next(std::span<const std::byte> rest, Tail tail, RecordedBlock& out) {
  out.arrivals.clear();
  out.flights.clear();
  const std::size_t size = rest.size();
  const bool whole = tail == Tail::whole;
  if (taken_ == 0) {
    if (!whole && rest.size() < kSegmentMagic.size()) return false;
    if (auto checked = check_magic(rest); !checked) return std::unexpected(checked.error());
    rest = rest.subspan(kSegmentMagic.size());
  }
  const std::uint64_t blocks = finder_.damaged_blocks(), bytes = finder_.skipped_bytes();
  bool found = false;
  while (!found && finder_.next(rest, whole, block_)) {
    if (!started_) {
      if (block_.kind != BlockKind::start) return no_start();
      if (auto started = start(block_); !started) return std::unexpected(started.error());
    } else if (!read(block_, out)) {
      ++into_.damage.blocks;
    }
    found = !out.arrivals.empty() || !out.flights.empty();
  }
  if (!started_ && whole) return no_start();
  into_.damage.blocks += finder_.damaged_blocks() - blocks;
  into_.damage.bytes += finder_.skipped_bytes() - bytes;
  taken_ += size - rest.size();
  return found;
}

Result<> SegmentReader::start(const Block& block) {
  const auto start = read_start(block);
  if (!start) return std::unexpected(start.error());
  if (into_.installation.value != 0 && into_.installation != start->installation) {
    return fail(ErrorKind::invalid, "the segment was recorded by another installation",
                Origin::system);
  }
  into_.installation = start->installation;
  const auto count = [](auto time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  };
  shift_ = static_cast<std::int64_t>(count(start->wall) - count(start->stamp));
  const std::pair run(start->wall, start->stamp);
  const auto known = std::ranges::find(into_.runs, run);
  run_ = static_cast<std::uint32_t>(known - into_.runs.begin());
  hops_ = start->hops;
  if (known == into_.runs.end()) into_.runs.push_back(run);
  started_ = true;
  return {};
}

bool SegmentReader::read(const Block& block, RecordedBlock& out) {
  ByteReader in(block.raw);
  switch (block.kind) {
    case BlockKind::start:
      return false;  // one is enough
    case BlockKind::policy:
      return policy(in);
    case BlockKind::peaks:
      return peaks(in);
    case BlockKind::conditions:
      return conditions(in);
    case BlockKind::shapes:
      return shapes(in);
    case BlockKind::arrivals:
      if (!wanted_.arrivals) return true;
      return decode_arrivals(in, digests_, {.shift = shift_, .run = run_, .hops_known = hops_}, into_.names, out.arrivals, wanted_.routes);
    case BlockKind::flights:
      if (!wanted_.flights) return true;
      if (!decode_flights(in, shift_, into_.names, out.flights, wanted_.routes)) return false;
      for (Flight& flight : out.flights) flight.run = run_;
      if (!std::ranges::is_sorted(out.flights, before_in_replay))
        std::ranges::sort(out.flights, before_in_replay);
      return true;
    case BlockKind::snapshot:  // of another kind of file (record/snapshot.h)
    case BlockKind::cells:
      return false;
    case BlockKind::configuration:
      return !wanted_.configurations || configuration(in);
  }
  return true;  // newer writers have more kinds
}

bool SegmentReader::configuration(ByteReader& in) {
  RecordedConfiguration configuration;
  configuration.hash = in.string();
  configuration.directory = in.string();
  const std::uint64_t files = in.varint();
  if (!in.ok() || files > in.left()) return false;
  if (into_.configurations.contains(configuration.hash)) return true;
  const std::uint64_t bytes = sizeof(RecordedConfiguration) + block_.raw.size() +
                              files * sizeof(RecordedConfiguration::File);
  if (into_.texts + bytes > Recording::kMostTexts) return false;
  for (std::uint64_t left = files; left > 0 && in.ok(); --left) {
    std::string name(in.string());
    configuration.files.push_back({.name = std::move(name), .text = std::string(in.string())});
  }
  if (!in.ok()) return false;
  into_.configurations.try_emplace(configuration.hash, std::move(configuration));
  into_.texts += bytes;
  return true;
}

// Each segment begins with the policy and the conditions that hold: what is known needs no second
// place.
bool SegmentReader::policy(ByteReader& in) {
  RecordedPolicy policy{.run = run_};
  policy.revision = static_cast<std::uint32_t>(in.varint());
  policy.hash = in.string();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left()) return false;
  const RecordedPolicy* const known = into_.policy(policy.revision, run_);
  const bool same_hash = known != nullptr && known->hash == policy.hash;
  ByteReader again = in;
  if (same_hash &&
      std::ranges::all_of(known->literals,
                          [&](const std::string& literal) { return again.string() == literal; }) &&
      again.ok() && known->literals.size() == count)
    return true;
  policy.bytes = policy.hash.size() + count * sizeof(std::string) + in.left();
  if (policy.bytes > Recording::kMostLiterals) return false;
  for (std::uint64_t left = count; left > 0 && in.ok(); --left)
    policy.literals.emplace_back(in.string());
  if (!in.ok()) return false;
  if (known != nullptr) ++into_.generation;
  into_.policies.push_back(std::move(policy));
  forget_policies();
  return true;
}

// The oldest, until those that are left take no more than they may.
void SegmentReader::forget_policies() {
  std::uint64_t bytes = 0;
  for (const RecordedPolicy& each : into_.policies) bytes += each.bytes;
  auto kept = into_.policies.begin();
  for (; bytes > Recording::kMostLiterals; ++kept) bytes -= kept->bytes;
  if (kept == into_.policies.begin()) return;
  into_.damage.blocks += static_cast<std::uint64_t>(kept - into_.policies.begin());
  ++into_.generation;
  into_.policies.erase(into_.policies.begin(), kept);
}

bool SegmentReader::peaks(ByteReader& in) {
  auto peaks = std::make_shared<CallerPeaks>();
  peaks->number = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > CallerPeaks::kMost) return false;
  for (std::uint64_t left = count; left > 0 && in.ok(); --left) {
    CallerPeak& each = peaks->all.emplace_back();
    each.caller = in.word();
    each.per_second = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(in.varint(), 1, CallerPeak::kMost));
    each.days = static_cast<std::uint32_t>(in.varint());
  }
  if (!in.ok()) return false;
  if (into_.peaks_of(peaks->number, run_) == nullptr) into_.peaks.push_back({.peaks = std::move(peaks), .run = run_});
  return true;
}

bool SegmentReader::conditions(ByteReader& in) {
  RecordedConditions conditions{.run = run_};
  conditions.number = in.varint();
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    conditions.unusable.push_back(in.word());
  if (in.left() > 0) conditions.peaks = into_.peaks_of(in.varint(), run_);
  if (!in.ok()) return false;
  const RecordedConditions* const known = into_.condition(conditions.number, run_);
  if (known != nullptr && known->unusable == conditions.unusable && known->peaks == conditions.peaks) return true;
  if (known != nullptr) ++into_.generation;
  into_.conditions.push_back(std::move(conditions));
  return true;
}

bool SegmentReader::shapes(ByteReader& in) {
  std::uint64_t index = in.varint();
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left, ++index) {
    const std::uint64_t digest = in.word();
    const std::string_view bytes = in.string();
    if (!in.ok()) break;
    if (index >= SegmentWriter::kMaxShapes) return false;
    if (index >= digests_.size()) digests_.resize(index + 1);
    digests_[index] = digest;
    if (const auto known = into_.shapes.find(digest); known != into_.shapes.end()) {
      known->second.segment = std::max(known->second.segment, segment_);
      continue;
    }
    auto shape = decode_shape(std::as_bytes(std::span(bytes)));
    if (shape)
      into_.shapes.emplace(digest,
                           Recording::KeptShape{.shape = std::move(*shape), .segment = segment_});
    else
      ++into_.damage.shapes;
  }
  return in.ok();
}

Result<> read_segment(std::span<const std::byte> bytes, Recording& into) {
  SegmentReader reader(into, 0);
  RecordedBlock block;
  for (;;) {
    const auto more = reader.next(bytes.subspan(reader.taken()), SegmentReader::Tail::whole, block);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    into.arrivals.insert(into.arrivals.end(), block.arrivals.begin(), block.arrivals.end());
    into.flights.insert(into.flights.end(), block.flights.begin(), block.flights.end());
  }
}

void sort_arrivals(Recording& recording) {
  std::ranges::sort(recording.arrivals, before_in_replay);
}

}  // namespace weir::record
