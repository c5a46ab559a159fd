// What carries a log line from its program to a file, and writes something around it:
//   cri      2025-12-31T17:37:40.493035218+01:00 stdout F LINE
//                    Kubernetes; P instead of F: a part of a line
//   compose  caddy  | LINE
//                    docker compose logs
//   syslog   <134>Feb 25 16:19:49 192.168.4.2 haproxy[7]: LINE
//                    RFC 3164, with or without <priority>
//   syslog   <134>1 2019-02-25T16:19:49Z host app 7 - - LINE
//                    RFC 5424
//   quoted   "LINE"
//                    an export that quoted whole lines
// A line says by its form alone whether it was carried so; nothing of the carrier goes into the
// entry.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::foreign {

enum class Carrier : std::uint8_t { none, cri, compose, syslog, quoted };

struct Carried {
  Carrier carrier = Carrier::none;
  std::string_view line;
  bool partial = false;  // CRI: the runtime cut the line
};

// A line that begins with a client or a time is told from a carried one by its first bytes.
Carried carried(std::string_view line);

}  // namespace weir::foreign
