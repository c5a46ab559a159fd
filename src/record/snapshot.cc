#include "record/snapshot.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "record/block.h"
#include "record/bytes.h"

namespace weir::record {
namespace {

constexpr std::string_view kMagic("weirsnp\x01", 8);
constexpr std::size_t kCellBytes = 10 + 10 + 8;
constexpr std::size_t kCellsPerBlock = (kMaxBlock - 64) / kCellBytes;
constexpr std::uint64_t kMostCells = std::uint64_t{1} << 26;

std::uint64_t word_of(auto time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

bool read_head(const Block& block, Snapshot& snapshot, std::uint64_t& cells) {
  ByteReader in(block.raw);
  snapshot.start.installation = InstallationId{in.word()};
  snapshot.start.wall = wall_from_nanos(static_cast<std::int64_t>(in.word()));
  snapshot.start.stamp = stamp_from_nanos(static_cast<std::int64_t>(in.word()));
  snapshot.start.number = in.varint();
  snapshot.position = stamp_from_nanos(static_cast<std::int64_t>(in.word()));
  snapshot.revision = static_cast<std::uint32_t>(in.varint());
  snapshot.hash = in.string();
  snapshot.table_cells = in.varint();
  cells = in.varint();
  return in.finished() && snapshot.table_cells <= kMostCells;
}

bool read_cells(const Block& block, Snapshot& snapshot) {
  ByteReader in(block.raw);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / 10) return false;
  const std::size_t begin = snapshot.cells.size();
  snapshot.cells.resize(begin + static_cast<std::size_t>(count));
  const auto cells = std::span(snapshot.cells).subspan(begin);
  std::uint64_t place = begin == 0 ? 0 : snapshot.cells[begin - 1].place;
  for (Snapshot::Cell& cell : cells) {
    cell.place = place += in.varint();
    if (cell.place >= snapshot.table_cells) return false;
  }
  const std::uint64_t position = word_of(snapshot.position);
  for (Snapshot::Cell& cell : cells) cell.value = position + static_cast<std::uint64_t>(unzigzag(in.varint()));
  for (Snapshot::Cell& cell : cells) cell.owner = in.word();
  return in.finished();
}

}  // namespace

std::string write_snapshot(const Snapshot& snapshot) {
  std::string out(kMagic);
  BlockSealer sealer;
  std::vector<std::byte> raw(std::min(kMaxBlock, 256 + snapshot.hash.size() + snapshot.cells.size() * kCellBytes));
  ByteWriter head(raw);
  head.word(snapshot.start.installation.value);
  head.word(word_of(snapshot.start.wall));
  head.word(word_of(snapshot.start.stamp));
  head.varint(snapshot.start.number);
  head.word(word_of(snapshot.position));
  head.varint(snapshot.revision);
  head.string(snapshot.hash);
  head.varint(snapshot.table_cells);
  head.varint(snapshot.cells.size());
  sealer.seal(BlockKind::snapshot, std::span(raw).first(head.size()), out);

  std::uint64_t place = 0;
  for (std::span<const Snapshot::Cell> left = snapshot.cells; !left.empty();) {
    const auto cells = left.first(std::min(left.size(), kCellsPerBlock));
    left = left.subspan(cells.size());
    ByteWriter writer(raw);
    writer.varint(cells.size());
    for (const Snapshot::Cell& cell : cells) {
      writer.varint(cell.place - place);
      place = cell.place;
    }
    for (const Snapshot::Cell& cell : cells) {
      writer.varint(zigzag(static_cast<std::int64_t>(cell.value - word_of(snapshot.position))));
    }
    for (const Snapshot::Cell& cell : cells) writer.word(cell.owner);
    sealer.seal(BlockKind::cells, std::span(raw).first(writer.size()), out);
  }
  return out;
}

Result<Snapshot> read_snapshot(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kMagic.size()));
  if (head.size() < kMagic.size() || head.substr(0, 7) != kMagic.substr(0, 7)) {
    return fail(ErrorKind::invalid, "not a snapshot file", Origin::system);
  }
  if (head != kMagic) return fail(ErrorKind::invalid, "a snapshot file of another version", Origin::system);
  std::span<const std::byte> rest = bytes.subspan(kMagic.size());
  Snapshot snapshot;
  BlockFinder finder;
  Block block;
  std::uint64_t cells = 0;
  bool sound = finder.next(rest, true, block) && block.kind == BlockKind::snapshot && read_head(block, snapshot, cells);
  while (sound && finder.next(rest, true, block)) {
    if (block.kind == BlockKind::cells) sound = read_cells(block, snapshot);
  }
  if (!sound || finder.damaged_blocks() > 0 || snapshot.cells.size() != cells) return fail(ErrorKind::invalid, "the snapshot is damaged", Origin::system);
  return snapshot;
}

}  // namespace weir::record
