// Logs of any origin: reading them never crashes, never loops, and accounts for every line. The
// first byte chooses the format (foreign/fuzzed_format_for_tests.h), the second the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "foreign/format.h"
#include "foreign/fuzzed_format_for_tests.h"
#include "foreign/in_input_for_tests.h"
#include "foreign/inflate.h"
#include "foreign/log_reader.h"
#include "foreign/reorder.h"

namespace {

using namespace weir;
using namespace weir::foreign;

void require(bool yes) {
  if (!yes) std::abort();
}

void read(const Format& format, std::span<const std::byte> bytes, std::size_t piece) {
  LogReader reader(format);
  ReorderWindow<std::uint64_t> window({.span = std::chrono::seconds(60), .held = 16, .probe = 4});
  ReorderWindow<std::uint64_t>::Item item;
  std::uint64_t in = 0, out = 0, text = 0;
  const auto drain = [&](std::span<const std::byte> fed) {
    for (LogEntry entry; reader.next(entry);) {
      for (const std::string_view view :
           {entry.client, entry.user, entry.request_line, entry.method, entry.target,
            entry.host, entry.protocol, entry.upstream, entry.route, entry.referer,
            entry.agent, entry.request_id}) {
        for (const char c : view)
          text += static_cast<unsigned char>(c);  // every byte of a view can be read
      }
      require(stands_where_it_says(entry, fed));
      require(!entry.client.empty());
      window.push(entry.start(), ++in);
      while (window.pop(item)) ++out;
    }
  };
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    const std::vector<std::byte> own(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(piece, bytes.size())));
    reader.feed(own);
    drain(own);
  }
  reader.finish();
  drain({});
  window.finish();
  while (window.pop(item)) ++out;
  const ReadReport& report = reader.report();
  require(in == out && in == report.entries);
  require(report.lines == report.entries + report.skipped_lines() + report.of(Skip::blank).lines);
  require(text != 1);
}

void unpack(std::span<const std::byte> bytes, std::size_t piece) {
  Inflate inflate(packing_of(bytes));
  std::vector<std::byte> room(piece);
  for (int rounds = 0; rounds < 10'000; ++rounds) {
    const auto step = inflate.step(bytes, room);
    if (step.taken == 0 && step.given == 0) break;
    require(step.taken <= bytes.size() && step.given <= room.size());
    bytes = bytes.subspan(step.taken);
  }
  (void)inflate.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t piece = data[1] + 1u;
  switch (data[0] % FuzzedFormat::kChoices) {
    case FuzzedFormat::kPacked:
      unpack(bytes, piece);
      break;
    case FuzzedFormat::kRecognised: {
      const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (const auto found = recognise(head, {})) read(found->format, bytes, piece);
      break;
    }
    case FuzzedFormat::kTextFirst: {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const std::size_t newline = text.find('\n');
      if (newline == std::string_view::npos) break;
      if (const auto format = format_named(text.substr(0, newline), FuzzedFormat::options()))
        read(*format, bytes.subspan(newline + 1), piece);
      break;
    }
    default:
      if (const auto format = FuzzedFormat::chosen(data[0] % FuzzedFormat::kChoices)) read(*format, bytes, piece);
  }
  return 0;
}
