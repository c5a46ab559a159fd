#include "foreign/csv_header.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "foreign/csv.h"

namespace weir::foreign {
namespace {

// What people, and IIS and CloudFront (c-ip, sc-status, cs-uri-stem), call the columns; the first
// that is there is taken. A duration without a unit in its name is none.
struct Fact {
  std::string_view fact;
  std::array<std::string_view, 9> names;
};
constexpr std::array kFacts = {
    Fact{"client",
         {"client_ip", "clientip", "client", "remote_addr", "remote_ip", "source_ip", "src_ip",
          "c_ip", "ip"}},
    Fact{"status", {"status", "status_code", "sc_status", "response_code", "http_status", "code"}},
    Fact{"request", {"request", "request_line"}},
    Fact{"method", {"method", "verb", "cs_method", "http_method", "request_method"}},
    Fact{"target", {"target", "request_uri", "uri", "url"}},
    Fact{"path", {"path", "uri_path", "cs_uri_stem"}},
    Fact{"query", {"query", "query_string", "cs_uri_query"}},
    Fact{"host", {"host", "http_host", "authority", "cs_host", "server_name"}},
    Fact{"bytes", {"bytes", "bytes_sent", "body_bytes_sent", "sc_bytes", "response_size", "size"}},
    Fact{"duration", {"request_time", "duration_s"}},
    Fact{"duration_ms", {"duration_ms", "latency_ms", "elapsed_ms", "time_taken_ms"}},
    Fact{"duration_us", {"duration_us"}},
    Fact{"upstream", {"upstream", "upstream_addr", "backend"}},
    Fact{"user", {"user", "username", "remote_user", "cs_username"}},
    Fact{"referer", {"referer", "referrer", "http_referer"}},
    Fact{"agent", {"user_agent", "agent", "http_user_agent", "cs_user_agent"}},
    Fact{"forwarded_for", {"x_forwarded_for", "forwarded_for"}},
    Fact{"id", {"request_id", "x_request_id"}},
};
constexpr std::array<std::string_view, 7> kMoments = {
    "timestamp", "@timestamp", "datetime", "date_time", "time_iso8601", "time_local", "ts"};

std::string plain(std::string_view name) {
  std::string made;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      made += static_cast<char>(c | 0x20);
    } else {
      made += c == '-' || c == ' ' ? '_' : c;
    }
  }
  return made;
}

}  // namespace

std::string csv_map_of_header(std::string_view header, char delimiter) {
  const auto row = std::make_unique<CsvRow>();
  if (!split_csv(header, delimiter, *row) || row->count < 2) return "";
  const std::span cells(row->cells.data(), row->count);
  // As it is written there; "" where there is none.
  const auto column = [&](std::span<const std::string_view> names) -> std::string_view {
    for (const std::string_view name : names) {
      if (name.empty()) break;
      const auto at =
          std::ranges::find(cells, name, [](const CsvCell& cell) { return plain(cell.text); });
      if (at != cells.end()) return at->text;
    }
    return {};
  };
  const auto alone = [&](std::string_view name) { return column(std::array{name}); };

  std::string moment(column(kMoments));
  if (moment.empty()) {
    const std::string_view day = alone("date"), clock = alone("time");
    moment = day;
    if (!day.empty() && !clock.empty()) moment += '+';
    moment += clock;
  }
  if (moment.empty() || column(kFacts[0].names).empty()) return "";
  std::string map = "time=" + moment;
  for (const Fact& fact : kFacts) {
    if (const std::string_view name = column(fact.names); !name.empty())
      map += "," + std::string(fact.fact) + "=" + std::string(name);
  }
  return map;
}

}  // namespace weir::foreign
