// Recorded bytes of any origin: reading them never crashes, never loops, and what is accepted can be written again.
// The first byte chooses the entry: the file as it is, blocks of any kind with right checksums (so that the content is
// what is wrong), one shape, one batch.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "record/arrivals.h"
#include "record/block.h"
#include "record/flight.h"
#include "record/segment.h"
#include "record/shape.h"

namespace {

using namespace weir;
using namespace weir::record;

void require(bool yes) {
  if (!yes) std::abort();
}

// Whatever was read is in order, refers to names that exist, and survives being written and read once more.
void read(std::span<const std::byte> file) {
  Recording recording;
  if (!read_segment(file, recording)) return;
  sort_arrivals(recording);
  std::string again;
  const SegmentStart start{.installation = recording.installation, .wall = {}, .stamp = {}};
  SegmentWriter writer(start, recording.names, again);
  std::vector<std::byte> batch;
  for (const Arrival& arrival : recording.arrivals) {
    const std::uint32_t header = 1 | static_cast<std::uint32_t>(sizeof arrival) << 8;
    const auto* head = reinterpret_cast<const std::byte*>(&header);
    const auto* body = reinterpret_cast<const std::byte*>(&arrival);
    batch.insert(batch.end(), head, head + 4);
    batch.insert(batch.end(), body, body + sizeof arrival);
  }
  for (const Flight& flight : recording.flights) {
    std::byte room[256];
    const std::size_t used = put_flight(flight, room);
    require(used > 0);
    batch.insert(batch.end(), room, room + used);
  }
  writer.add(batch);
  writer.flush();
  Recording second;
  require(read_segment(std::as_bytes(std::span(again)), second).has_value());
  require(second.damage.blocks == 0);
  require(second.arrivals.size() == recording.arrivals.size());
  require(second.flights.size() == recording.flights.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  switch (data[0] % 4) {
    case 0: read(bytes); break;
    case 1: {
      NameTable names;
      std::string file;
      SegmentWriter writer({.installation = {1}, .wall = {}, .stamp = {}}, names, file);
      BlockSealer sealer;
      // Two blocks, cut where the second byte says, so that shapes can come before arrivals.
      const std::size_t cut = bytes.size() * data[1] / 256;
      sealer.seal(static_cast<BlockKind>(2 + (data[0] >> 2) % 6), bytes.first(cut), file);
      sealer.seal(BlockKind::arrivals, bytes.subspan(cut), file);
      read(std::as_bytes(std::span(file)));
      break;
    }
    case 2: (void)decode_shape(bytes); break;
    case 3: {
      BatchReader reader(bytes);
      std::size_t items = 0;
      for (BatchItem item; reader.next(item);) require(++items <= size);
      break;
    }
  }
  return 0;
}
