// Snapshots: the state of the limits at one moment of a run, so that a replay that begins in the middle of a recording need
// not begin with every bucket full. Values in, bytes out, and back; the file lies beside the segment with which it begins,
// under the same name: <start>-<number>.weirsnap.
//
//   file      "weirsnp" and the version byte 1, then blocks as in segments (record/block.h)
//   snapshot  the first block: w installation, w wall and w stamp of the start of the process (ns), number of the segment,
//             w position, revision, s hash of the policy live at the position, count of all cells of the table,
//             count of those that follow
//   cells     count, the cells in the order of their places, as columns: place (difference to the one before), value (zigzag
//             difference to the position), w owner: those of decide/limits/table.h that still meant something at the position
//
// Position and values are stamps of the run, as in its segments. Everything decided before the position is in the state,
// nothing from it on. Keys of cells depend on the installation's key and on name, key, rate and burst of the limit: under
// another policy the limits that it has in common find their buckets, others start full, as after a change that is applied.
// Limits by `route` are keyed by numbers of the process that wrote and start full too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "record/recording.h"

namespace weir::record {

struct Snapshot {
  struct Cell {
    std::uint64_t place = 0, value = 0, owner = 0;
    friend bool operator==(const Cell&, const Cell&) = default;
  };
  SegmentStart start;
  Stamp position;
  std::uint32_t revision = 0;
  std::string hash;
  std::uint64_t table_cells = 0;
  std::vector<Cell> cells;         // by place
};

std::string write_snapshot(const Snapshot& snapshot);
// Fails when it is none, of another version, or damaged: half a state is none.
Result<Snapshot> read_snapshot(std::span<const std::byte> bytes);

}  // namespace weir::record
