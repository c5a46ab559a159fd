#include "message.h"

#include <algorithm>
#include <charconv>

#include "fmt/core.h"

namespace weir::simulated {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool number(std::string_view text, int base, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view Message::get(std::string_view name) const {
  const auto at = std::ranges::find(fields, name, [](const auto& field) { return std::string_view(field.first); });
  return at == fields.end() ? std::string_view() : std::string_view(at->second);
}

std::size_t Message::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count(fields, name, [](const auto& field) { return std::string_view(field.first); }));
}

int Message::status() const {
  std::uint64_t code = 0;
  if (!start.starts_with("HTTP/1.1 ") || start.size() < 12 || !number(std::string_view(start).substr(9, 3), 10, code)) return 0;
  return static_cast<int>(code);
}

std::string_view Message::target() const {
  std::string_view rest = start;
  rest.remove_prefix(std::min(rest.size(), rest.find(' ') + 1));
  return rest.substr(0, rest.find(' '));
}

void MessageReader::break_off(std::string problem) {
  state_ = State::broken;
  problem_ = std::move(problem);
}

// Without its CRLF; a bare LF or CR is nothing that either side may write.
bool MessageReader::take_line(std::string_view bytes, std::size_t& at, std::string_view& line) {
  const std::size_t end = bytes.find('\n', at);
  if (end == std::string_view::npos) return false;
  if (end == at || bytes[end - 1] != '\r') {
    break_off("a line ends without CR");
    return false;
  }
  line = bytes.substr(at, end - at - 1);
  if (line.find('\r') != std::string_view::npos) {
    break_off("a CR within a line");
    return false;
  }
  at = end + 1;
  return true;
}

MessageReader::State MessageReader::read(std::string& bytes) {
  if (state_ == State::whole || state_ == State::broken || bytes.empty()) return state_;
  began_ = true;
  std::size_t at = 0;
  if (state_ == State::head) {
    if (!take_head(bytes, at)) {
      bytes.erase(0, at);
      return state_;
    }
    settle();
  }
  if (state_ == State::body && framing_ == Framing::chunked) {
    while (state_ == State::body && take_chunked(bytes, at)) {}
  } else if (state_ == State::body) {
    const std::size_t here = bytes.size() - at;
    const std::size_t count = framing_ == Framing::length ? static_cast<std::size_t>(std::min<std::uint64_t>(here, left_)) : here;
    message_.body.append(bytes, at, count);
    at += count;
    left_ -= framing_ == Framing::length ? count : 0;
    if (framing_ == Framing::length && left_ == 0) state_ = State::whole;
  }
  bytes.erase(0, at);
  return state_;
}

bool MessageReader::take_head(std::string_view bytes, std::size_t& at) {
  std::string_view line;
  while (take_line(bytes, at, line)) {
    if (message_.start.empty()) {
      if (line.empty()) return break_off("an empty first line"), false;
      message_.start = line;
      continue;
    }
    if (line.empty()) return true;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return break_off(fmt::format("no field line: {}", line)), false;
    message_.fields.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return false;
}

// RFC 9112 6.3, as a receiver that trusts nobody.
void MessageReader::settle() {
  const bool answer = want_ != Want::request;
  const int status = message_.status();
  if (answer && (status < 100 || status > 599)) return break_off(fmt::format("no status line: {}", message_.start));
  if (!answer && !message_.start.ends_with(" HTTP/1.1")) return break_off(fmt::format("no request line: {}", message_.start));
  const std::size_t lengths = message_.count("content-length"), codings = message_.count("transfer-encoding");
  if (lengths + codings > 1) return break_off("more than one framing");
  if (codings == 1 && message_.get("transfer-encoding") != "chunked") return break_off("a coding that is not chunked");
  if (lengths == 1 && !number(message_.get("content-length"), 10, left_)) return break_off("a length that is no number");
  const bool bodiless = answer && (want_ == Want::answer_to_head || status < 200 || status == 204 || status == 304);
  if (bodiless && (status < 200 || status == 204) && lengths + codings > 0) return break_off("framing where no body can be");
  if (bodiless) {
    state_ = State::whole;
  } else if (codings == 1) {
    framing_ = Framing::chunked;
    left_ = 0;
    state_ = State::body;
  } else if (lengths == 1) {
    framing_ = Framing::length;
    state_ = left_ == 0 ? State::whole : State::body;
  } else if (answer) {
    framing_ = Framing::until_close;
    state_ = State::body;
  } else {
    state_ = State::whole;
  }
}

// One step: a size line, data, the end of data, or a line of the trailers. False when more bytes are needed.
bool MessageReader::take_chunked(std::string_view bytes, std::size_t& at) {
  if (left_ > 0) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
    message_.body.append(bytes.substr(at, count));
    at += count;
    left_ -= count;
    data_end_due_ = data_end_due_ || left_ == 0;
    return left_ == 0;
  }
  std::string_view line;
  if (!take_line(bytes, at, line)) return false;
  if (data_end_due_) {
    data_end_due_ = false;
    if (!line.empty()) break_off("a chunk longer than its size");
  } else if (in_trailers_) {
    if (line.empty()) state_ = State::whole;
  } else if (!number(line, 16, left_)) {
    break_off(fmt::format("no chunk size: {}", line));
  } else if (left_ == 0) {
    in_trailers_ = true;
  }
  return true;
}

MessageReader::State MessageReader::end() {
  if (state_ == State::body && framing_ == Framing::until_close) {
    state_ = State::whole;
  } else if (state_ != State::whole && state_ != State::broken) {
    break_off(began_ ? "ended within a message" : "ended before a message");
  }
  return state_;
}

}  // namespace weir::simulated
