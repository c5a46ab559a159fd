// Writes heads anew from values (RFC 9112 3, 4, 5). Connection management and framing come from the
// arguments alone, so whatever fields say about them is left out. Nothing written can end a line
// early: should a control byte have come into a value from inside the gateway, a space goes out in
// its place (RFC 9110 5.5). One growth of `out` per head, then plain copies: about 60 ns for ten
// fields.
#include <algorithm>
#include <charconv>

#include "base/put.h"
#include "http/http1.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr FieldSet kWriterOnly(FieldId::connection, FieldId::content_length, FieldId::keep_alive,
                               FieldId::proxy_connection, FieldId::te, FieldId::trailer,
                               FieldId::transfer_encoding, FieldId::upgrade);

constexpr std::size_t kSpare =
    160;  // the start line's constants, framing, connection and the closing CR LF

// Writes to memory that is known to suffice.
class Pen {
 public:
  explicit Pen(char* at) : at_(at) {}

  void plain(std::string_view text) { at_ = put(at_, text); }

  void clean(std::string_view text) {
    char* at = at_;
    plain(text);
    while ((at = const_cast<char*>(scan::skip<scan::Value>(at, at_))) != at_) *at++ = ' ';
  }

  char* at() const { return at_; }
  std::string_view since(const char* begin) const { return {begin, at_}; }
  void back_to(char* begin) { at_ = begin; }

  void number(std::uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  void status(std::uint16_t status) {
    const auto digit = [](int value) { return static_cast<char>('0' + value % 10); };
    const char digits[] = {digit(status / 100), digit(status / 10), digit(status)};
    plain({digits, sizeof digits});
  }

 private:
  char* at_;
};

// Appends what `write` writes, `at_most` bytes of it, without filling them with zeros before.
template <class Write>
void append(std::string& out, std::size_t at_most, const Write& write) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + at_most, [&](char* begin, std::size_t) {
    Pen pen(begin + before);
    write(pen);
    return static_cast<std::size_t>(pen.at() - begin);
  });
}

std::size_t written_size(const Fields& fields) {
  std::size_t size = 0;
  for (const Field& field : fields.all()) size += field.name.size() + field.value.size() + 4;
  return size;
}

// The start line, which begins the head, and a line for each field. All are copied as they are and
// control bytes counted over once: one beyond the two that end each line came from inside, or is a
// tab, which a value may hold. Both are rare, and then all is written again with care.
template <class StartLine>
void write_lines(const StartLine& start_line, const Fields& fields, Pen& pen) {
  char* const begin = pen.at();
  std::size_t lines = 1;
  const auto write = [&](auto text) {
    start_line(text);
    pen.plain("\r\n");
    for (const Field& field : fields.all()) {
      if (kWriterOnly.has(field.id)) continue;
      text(field.name);
      pen.plain(": ");
      text(field.value);
      pen.plain("\r\n");
      ++lines;
    }
  };
  write([&](std::string_view part) { pen.plain(part); });
  if (scan::count_controls(pen.since(begin)) == 2 * lines) return;
  pen.back_to(begin);
  write([&](std::string_view part) { pen.clean(part); });
}

void write_length(std::uint64_t length, Pen& pen) {
  pen.plain("Content-Length: ");
  pen.number(length);
  pen.plain("\r\n");
}

// RFC 9110 8.6: methods that expect content say so when there is none.
bool expects_content(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

void write_request_framing(std::string_view method, const Framing& framing, Pen& pen) {
  if (framing.kind == Framing::Kind::chunked) {
    pen.plain("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind == Framing::Kind::length) {
    write_length(framing.length, pen);
  } else if (expects_content(method)) {
    write_length(0, pen);
  }
}

auto request_line(std::string_view method, std::string_view target) {
  return [=](const auto& text) {
    for (const std::string_view part : {method, std::string_view(" "), target, std::string_view(" HTTP/1.1")}) text(part);
  };
}

// RFC 9112 6.3 from the sender's side. A status that has no body gets a length only where it may
// state one.
void write_response_framing(std::uint16_t status, const Framing& framing,
                            const ResponseWriteOptions& options, Pen& pen) {
  if (status < 200 || status == 204) return;
  const bool bodyless = options.head_request || status == 304;
  switch (framing.kind) {
    case Framing::Kind::length:
      return write_length(framing.length, pen);
    case Framing::Kind::none:
      if (!bodyless) write_length(0, pen);
      return;
    case Framing::Kind::chunked:
      if (options.peer != Version::http10) pen.plain("Transfer-Encoding: chunked\r\n");
      return;
    case Framing::Kind::until_close:
    case Framing::Kind::tunnel:
      return;
  }
}

bool ends_by_close(std::uint16_t status, const Framing& framing,
                   const ResponseWriteOptions& options) {
  if (options.head_request || status == 304 || status == 204) return false;
  return framing.kind == Framing::Kind::until_close ||
         (framing.kind == Framing::Kind::chunked && options.peer == Version::http10);
}

void write_response_connection(std::uint16_t status, const Framing& framing,
                               const ResponseWriteOptions& options, Pen& pen) {
  if (status == 101) {
    pen.plain("Connection: upgrade\r\nUpgrade: websocket\r\n");
  } else if (status < 200) {
    return;
  } else if (!options.keep_alive || ends_by_close(status, framing, options)) {
    pen.plain("Connection: close\r\n");
  } else if (options.peer == Version::http10) {
    pen.plain("Connection: keep-alive\r\n");
  }
}

}  // namespace

void write_request_head(std::string_view method, std::string_view target, const Fields& fields,
                        const Framing& framing, std::string& out) {
  append(out, method.size() + target.size() + written_size(fields) + kSpare, [&](Pen& pen) {
    write_lines(request_line(method, target), fields, pen);
    write_request_framing(method, framing, pen);
    pen.plain("\r\n");
  });
}

void write_upgrade_request_head(std::string_view target, const Fields& fields, std::string& out) {
  append(out, target.size() + written_size(fields) + kSpare, [&](Pen& pen) {
    write_lines(request_line("GET", target), fields, pen);
    pen.plain("Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  });
}

void write_response_head(std::uint16_t status, std::string_view reason, const Fields& fields,
                         const Framing& framing, const ResponseWriteOptions& options,
                         std::string& out) {
  if (reason.empty()) reason = standard_reason(status);
  append(out, reason.size() + written_size(fields) + kSpare, [&](Pen& pen) {
    const auto status_line = [&](const auto& text) {
      pen.plain("HTTP/1.1 ");  // our own version, whatever the peer's (RFC 9110 2.5)
      pen.status(status);
      pen.plain(" ");
      text(reason);
    };
    write_lines(status_line, fields, pen);
    write_response_framing(status, framing, options, pen);
    write_response_connection(status, framing, options, pen);
    pen.plain("\r\n");
  });
}

void write_chunk_start(std::uint64_t size, std::string& out) {
  char digits[18];
  const auto [end, error] = std::to_chars(digits, digits + 16, size, 16);
  end[0] = '\r';
  end[1] = '\n';
  out.append(digits, static_cast<std::size_t>(end + 2 - digits));
}

}  // namespace weir::http
