// Whatever bytes a request holds, its line in the access log is one line, within the bound that was promised, and a
// strict reader of JSON (Boost.JSON) reads it. Valid UTF-8 without control characters comes back as it was.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "export/access_log.h"

namespace {

using namespace weir;

void require(bool yes) {
  if (!yes) std::abort();
}

// ASCII without control characters: the part of UTF-8 where the answer is known without a decoder.
bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c == 0x7f) return false;   // bytes from 0x80 are negative
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto piece = [&](std::size_t i, std::size_t of) { return all.substr(size * i / of, size * (i + 1) / of - size * i / of); };
  NameTable names;
  ExchangeRecord record;
  std::memcpy(&record.arrived_wall, data, size < 8 ? size : 8);
  record.total_time = Nanos(static_cast<std::int64_t>(size) * 1'000'003);
  record.route = names.intern(piece(0, 8));
  record.timeout_phase = size % 2 == 0 ? Phase::none : Phase::response;
  record.violation = static_cast<std::uint8_t>(size);
  const ExchangeText text{.request_id = piece(0, 9), .method = piece(1, 9), .host = piece(2, 9), .path = piece(3, 9),
                          .query = piece(4, 9), .user_agent = piece(5, 9), .caller = piece(6, 9),
                          .detail = piece(7, 9), .traceparent = piece(8, 9)};
  const std::size_t bound = exporting::log_line_bound(text, names, record);
  std::string line(bound, '\0');
  exporting::TimeText time;
  const char* const end = exporting::write_log_line(line.data(), record, text, names, time);
  require(end <= line.data() + bound);
  line.resize(static_cast<std::size_t>(end - line.data()));
  require(line.find('\n') == line.size() - 1);
  const auto json = boost::json::parse(line).as_object();
  if (is_plain(text.path)) require(json.at("path").as_string() == boost::json::string_view(text.path));
  return 0;
}
