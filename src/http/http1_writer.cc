// Writes heads anew from values (RFC 9112 3, 4, 5). Connection management and framing come from the
// arguments alone, so whatever fields say about them is left out. Nothing written can end a line
// early: should a control byte have come into a value from inside the gateway, a space goes out in
// its place (RFC 9110 5.5). One growth of `out` per head, then plain copies: about 60 ns for ten
// fields.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "http/http1.h"
#include "http/scan.h"

namespace weir::http {
namespace {

constexpr FieldSet kWriterOnly(FieldId::connection, FieldId::content_length, FieldId::keep_alive,
                               FieldId::proxy_connection, FieldId::te, FieldId::trailer,
                               FieldId::transfer_encoding, FieldId::upgrade);

constexpr std::size_t kSpare =
    160;  // the start line's constants, framing, connection and the closing CR LF

// Appends to a string that was grown enough beforehand.
class Pen {
 public:
  Pen(std::string& out, std::size_t at_most) : out_(out), at_(out.size()) {
    out_.resize(at_ + at_most);
  }
  ~Pen() { out_.resize(at_); }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;

  void plain(std::string_view text) {
    std::memcpy(out_.data() + at_, text.data(), text.size());
    at_ += text.size();
  }

  void clean(std::string_view text) {
    char* at = out_.data() + at_;
    plain(text);
    char* const end = out_.data() + at_;
    while ((at = const_cast<char*>(scan::skip<scan::Value>(at, end))) != end) *at++ = ' ';
  }

  std::size_t at() const { return at_; }
  std::string_view since(std::size_t begin) const {
    return std::string_view(out_).substr(begin, at_ - begin);
  }
  void back_to(std::size_t begin) { at_ = begin; }

  void number(std::uint64_t value) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    plain({digits, static_cast<std::size_t>(end - digits)});
  }

 private:
  std::string& out_;
  std::size_t at_;
};

std::size_t written_size(const Fields& fields) {
  std::size_t size = 0;
  for (const Field& field : fields.all()) size += field.name.size() + field.value.size() + 4;
  return size;
}

// All lines are copied as they are and counted over once: a control byte beyond the two that end
// each line came from inside, which is rare, and then they are written again with care. That is a
// third of the instructions of looking at each name and value by itself.
void write_fields(const Fields& fields, Pen& pen) {
  const std::size_t begin = pen.at();
  std::size_t lines = 0;
  for (const Field& field : fields.all()) {
    if (kWriterOnly.has(field.id)) continue;
    pen.plain(field.name);
    pen.plain(": ");
    pen.plain(field.value);
    pen.plain("\r\n");
    ++lines;
  }
  if (scan::count_outside<scan::Value>(pen.since(begin)) == 2 * lines) return;
  pen.back_to(begin);
  for (const Field& field : fields.all()) {
    if (kWriterOnly.has(field.id)) continue;
    pen.clean(field.name);
    pen.plain(": ");
    pen.clean(field.value);
    pen.plain("\r\n");
  }
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

void write_request_line(std::string_view method, std::string_view target, Pen& pen) {
  pen.clean(method);
  pen.plain(" ");
  pen.clean(target);
  pen.plain(" HTTP/1.1\r\n");
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
  Pen pen(out, method.size() + target.size() + written_size(fields) + kSpare);
  write_request_line(method, target, pen);
  write_fields(fields, pen);
  write_request_framing(method, framing, pen);
  pen.plain("\r\n");
}

void write_upgrade_request_head(std::string_view target, const Fields& fields, std::string& out) {
  Pen pen(out, target.size() + written_size(fields) + kSpare);
  write_request_line("GET", target, pen);
  write_fields(fields, pen);
  pen.plain("Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

void write_response_head(std::uint16_t status, std::string_view reason, const Fields& fields,
                         const Framing& framing, const ResponseWriteOptions& options,
                         std::string& out) {
  if (reason.empty()) reason = standard_reason(status);
  Pen pen(out, reason.size() + written_size(fields) + kSpare);
  pen.plain("HTTP/1.1 ");  // our own version, whatever the peer's (RFC 9110 2.5)
  pen.number(status);
  pen.plain(" ");
  pen.clean(reason);
  pen.plain("\r\n");
  write_fields(fields, pen);
  write_response_framing(status, framing, options, pen);
  write_response_connection(status, framing, options, pen);
  pen.plain("\r\n");
}

void write_chunk_start(std::uint64_t size, std::string& out) {
  char digits[18];
  const auto [end, error] = std::to_chars(digits, digits + 16, size, 16);
  end[0] = '\r';
  end[1] = '\n';
  out.append(digits, static_cast<std::size_t>(end + 2 - digits));
}

}  // namespace weir::http
