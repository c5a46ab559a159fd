// How simulated clients and upstreams read HTTP/1: a small reader that shares no code with the gateway, so that what the
// gateway writes is judged by somebody else. Bytes in, one message at a time out; it takes only the forms that the
// gateway and the simulated upstreams are supposed to write (RFC 9112) and calls everything else broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::simulated {

struct Message {
  std::string start;                                          // the first line
  std::vector<std::pair<std::string, std::string>> fields;   // names in lower case
  std::string body;

  std::string_view get(std::string_view name) const;   // the first one; "" when there is none
  std::size_t count(std::string_view name) const;
  int status() const;                                  // of an answer; 0 when it is none
  std::string_view method() const { return std::string_view(start).substr(0, start.find(' ')); }
  std::string_view target() const;                     // of a request
};

class MessageReader {
 public:
  enum class Want : std::uint8_t { request, answer, answer_to_head };
  enum class State : std::uint8_t { head, body, whole, broken };

  explicit MessageReader(Want want) : want_(want) {}

  // Takes what belongs to this message from the front of `bytes`.
  State read(std::string& bytes);
  // The peer ended: an answer without length or chunks is whole now, anything else unfinished is not.
  State end();

  State state() const { return state_; }
  bool began() const { return began_; }             // a byte of it was seen
  bool until_close() const { return framing_ == Framing::until_close; }
  Message& message() { return message_; }
  const std::string& problem() const { return problem_; }   // when broken

 private:
  enum class Framing : std::uint8_t { none, length, chunked, until_close };
  bool take_line(std::string_view bytes, std::size_t& at, std::string_view& line);
  bool take_head(std::string_view bytes, std::size_t& at);
  void settle();
  bool take_chunked(std::string_view bytes, std::size_t& at);
  void break_off(std::string problem);

  Want want_;
  State state_ = State::head;
  Framing framing_ = Framing::none;
  bool began_ = false;
  bool in_trailers_ = false;
  bool data_end_due_ = false;   // the CRLF behind a chunk's data
  std::uint64_t left_ = 0;      // of the body, or of the chunk
  Message message_;
  std::string problem_;
};

}  // namespace weir::simulated
