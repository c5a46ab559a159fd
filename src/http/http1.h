// The strict HTTP/1.1 codec (RFC 9112, RFC 9110): bytes in, heads and body pieces out, resumable at
// every byte; and the writers. Nothing from the wire is copied through: what is forwarded is
// written anew from the parsed values. Pure: no allocation but in the caller's string. See the
// essay in http1_lines.cc for what is refused and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/violation.h"

namespace weir::http {

// Line ends count. A head that reaches a cap unfinished is refused at that byte.
struct HeadCaps {
  std::size_t head = 32 * 1024;  // whole head in bytes
  std::size_t line = 8 * 1024;   // any one line
  std::size_t fields = 100;      // at most Fields::kMaxParsed counts
};

enum class ParseStatus : std::uint8_t { need_more, complete, violation };

struct HeadResult {
  ParseStatus status = ParseStatus::need_more;
  std::size_t consumed = 0;  // bytes of `input` that were the head, when complete
  Violation violation = Violation::none;
};

// One per connection and direction (a few bytes of state); reset() or complete makes it ready for
// the next head. parse() is given all bytes of the message so far, from its first; it remembers
// where the unfinished line begins, so what was read before is read once more only when the head is
// complete. The answer is a function of the bytes alone, never of how they were cut; a violation is
// told at the first byte that shows it. The views in `head` point into `input` (and to constants);
// `head` means something only when complete. One CR LF before a request line is skipped (RFC 9112
// 2.2) and counts as part of the head.
class RequestParser {
 public:
  HeadResult parse(std::string_view input, const HeadCaps& caps, RequestHead& head);
  void reset() {
    line_ = 0;
    fields_ = 0;
  }

 private:
  std::size_t line_ = 0;    // where the line begins that is not complete yet; 0: the first
  std::size_t fields_ = 0;  // field lines before it
};

class ResponseParser {
 public:
  // The request decides how a response is framed (RFC 9112 6.3).
  struct Asked {
    bool head = false;     // the request's method was HEAD
    bool upgrade = false;  // a WebSocket upgrade was sent: 101 is allowed and becomes a tunnel
  };
  HeadResult parse(std::string_view input, const HeadCaps& caps, Asked asked, ResponseHead& head);
  void reset() {
    line_ = 0;
    fields_ = 0;
  }

 private:
  std::size_t line_ = 0;
  std::size_t fields_ = 0;
};

// Reads a body by its framing. Small and copyable; resumable at every byte.
class BodyReader {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that were used up
    // A piece of the body, a view into the input; may be empty. Beside a violation: what came
    // before it.
    std::string_view payload;
    bool finished = false;  // the message ended (trailers, if any, are checked and dropped)
    Violation violation = Violation::none;
  };
  BodyReader() = default;
  explicit BodyReader(Framing framing);

  Step next(std::string_view input);  // call again with the rest until input is empty or finished
  // The peer ended: fine for until_close and tunnel, body_truncated for all others not yet
  // finished.
  Violation ended() const;
  bool finished() const;
  // For length framing: what is still to come; otherwise nothing known.
  std::uint64_t remaining() const;

 private:
  enum class State : std::uint8_t;
  Violation take(char c);
  Violation take_size(char c);
  Violation take_extension(char c);
  Violation take_data_end(char c);
  Violation take_trailer(char c);
  Violation take_trailer_name(char c);
  Violation end_size_line();

  Framing framing_;         // chunked: its length counts bytes of extensions
  std::uint64_t left_ = 0;  // payload bytes to come; in a trailer's name its hash so far
  std::uint32_t meta_ = 0;  // bytes spent in the current chunk line or trailer section, bounded
  State state_{};
  std::uint8_t detail_ = 0;  // digits of a size, bytes of a trailer's name, or what it failed with
};
static_assert(sizeof(BodyReader) <= 40);

// Writers append to `out`. Fields are written as given, minus connection management, which only the
// writer produces from `framing` and `keep_alive` (Content-Length, Transfer-Encoding, Connection).
void write_request_head(std::string_view method, std::string_view target, const Fields& fields,
                        const Framing& framing, std::string& out);
// A WebSocket upgrade is written with Connection: upgrade, Upgrade: websocket.
void write_upgrade_request_head(std::string_view target, const Fields& fields, std::string& out);

struct ResponseWriteOptions {
  Version peer = Version::http11;  // HTTP/1.0 peers get no chunked: until_close instead
  bool keep_alive = true;
  bool head_request = false;  // framing fields are written, no body will follow
};
void write_response_head(std::uint16_t status, std::string_view reason, const Fields& fields,
                         const Framing& framing, const ResponseWriteOptions& options,
                         std::string& out);
// "1a\r\n"; after the payload kChunkEnd follows, after the last chunk kLastChunk.
void write_chunk_start(std::uint64_t size, std::string& out);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string_view standard_reason(std::uint16_t status);

// Removes what must not be forwarded (RFC 9110 7.6.1): Connection and every field it nominates (but
// never one that the gateway itself relies on: naming those is a violation the parser already
// refused), Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Content-Length, Upgrade,
// Proxy-Authenticate and Proxy-Authorization. Also well-known names in disguise, spelled with '_'
// for '-' (X_Forwarded_For), which CGI-like servers take for the real ones. Call it before adding
// fields of the gateway's own, and after reading declared_length.
void strip_hop_by_hop(Fields& fields);

}  // namespace weir::http
