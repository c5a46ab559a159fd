// What one line of another program's access log says about one request. Readers of every format end
// here, and whoever replays a log starts here.
//
// Text is raw bytes, unescaped as its format escapes, never assumed to be UTF-8; views are valid
// until the next line is read, or longer (`in_input`). Empty text and an absent optional both mean: this line does not say.
// Nothing is guessed.
//
// A client need not be an address: logs hold host names and masked addresses (12.44.161.fed). Such
// a client is kept as its text. Ports and brackets are taken off: "[fd00::1]:43000" is the client
// fd00::1.
//
// A request line may be odd (a TLS hello on a plain port, "-", HTTP/0.9): the line still counts,
// `form` says what of it can be believed, and `request_line` has its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"
#include "base/time.h"

namespace weir::foreign {

enum class RequestForm : std::uint8_t {
  unknown,      // the format records none of it
  origin,       // GET /path HTTP/1.1: method, target and protocol are there
  absolute,     // GET http://host:80/path HTTP/1.1: split into host and target
  authority,    // CONNECT host:443 HTTP/1.1: host is there, target is empty
  no_protocol,  // GET /path, as HTTP/0.9 sent it
  none,         // "-" or nothing at all: the connection brought no request
  not_http,     // any other bytes; only request_line is there
};

// One `--field` of the caller (foreign/field_map.h), looked up in this line.
struct MappedFact {
  std::uint8_t map = 0;  // index into the FieldMaps that were given
  bool given = false;    // false: the line says there was none ("-", null, no such key)
  std::string_view value;
};

struct LogEntry {
  WallTime time;                             // as written; see start()
  Nanos precision{std::chrono::seconds(1)};  // the step of the log's clock: 1 s, 1 ms, 1 us, 1 ns
  bool time_is_end = false;                  // of the request; false: its start
  bool in_input = true;   // all text stands in the bytes that were fed (or is a constant), and is there as long as they are
  RequestForm form = RequestForm::unknown;

  std::string_view client;
  std::optional<Address> address;  // where `client` is one
  std::string_view user;

  std::string_view request_line;  // where the format has it in one piece
  std::string_view method;
  std::string_view target;    // raw: /path?query
  std::string_view protocol;  // HTTP/1.1, HTTP/2, h2 …: as written
  std::string_view host;      // with its port, as written

  std::optional<std::uint16_t> status;    // 0 where the line says 0: nothing was sent
  std::optional<std::uint64_t> bytes_in;  // request
  std::optional<std::uint64_t>
      bytes_out;                  // response; with or without its head, as the format counts
  std::optional<Nanos> duration;  // whole request
  std::optional<Nanos> upstream_duration;  // the upstream's part; the sum where several were tried

  std::string_view upstream;  // address or name of the one that answered
  std::string_view route;     // route, router or backend, as the format names it
  std::string_view referer;
  std::string_view agent;
  std::string_view request_id;
  std::string_view forwarded_for;  // X-Forwarded-For, whole

  std::span<const MappedFact>
      mapped;              // those of `--field` but `client=`, which is in `client` already
  std::uint64_t line = 0;  // number in the input, from 1
  std::string_view raw;    // the whole line: what was not unescaped or joined points into it

  // When the request began: what a limit saw. A log that prints the end is put right by the
  // duration where it has one.
  WallTime start() const { return time_is_end && duration ? time - *duration : time; }
};

}  // namespace weir::foreign
