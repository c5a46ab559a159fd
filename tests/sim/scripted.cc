#include "scripted.h"

#include <algorithm>

#include "base/check.h"

namespace weir::simulated {

ScriptedSession::ScriptedSession(io::Loop& loop, ScriptedRequest request)
    : loop_(loop), request_(std::move(request)), began_(loop.now()), last_(loop.now()) {
  target_ = request_.path + (request_.query.empty() ? "" : "?" + request_.query);
  head_.method = request_.method;
  head_.target = target_;
  head_.authority = request_.authority;
  head_.path = request_.path;
  head_.query = request_.query;
  head_.has_query = !request_.query.empty();
  head_.version = http::Version::http2;   // anything but the one that is implemented
  head_.websocket = request_.websocket;
  for (const auto& [name, value] : request_.fields) head_.fields.add(name, value, http::field_id(name));
  if (request_.body.empty()) {
    finished_ = !request_.breaks;
  } else {
    head_.framing.kind = http::Framing::Kind::chunked;   // of unknown length
  }
}

bool ScriptedSession::try_read(wire::Piece& out) {
  if (finished_ || next_ == request_.body.size() || due() > loop_.now()) return false;
  out.bytes = request_.body[next_].bytes;
  last_ = due();
  ++next_;
  received_ += out.bytes.size();
  finished_ = next_ == request_.body.size() && !request_.breaks && !request_.websocket;
  out.end = finished_;
  return true;
}

io::Task<Result<wire::Piece>> ScriptedSession::read(io::Deadline deadline) {
  wire::Piece piece;
  while (!try_read(piece)) {
    if (finished_) co_return wire::Piece{.bytes = {}, .end = true};
    const bool script_is_over = next_ == request_.body.size();
    if (script_is_over && due() <= loop_.now()) {
      if (request_.breaks) co_return fail(ErrorKind::timeout, "the script stops here", Origin::client);
      finished_ = true;   // a tunnel's end
      continue;
    }
    if (loop_.now() >= deadline) co_return fail(ErrorKind::timeout, "the deadline of a read", Origin::client);
    if (auto slept = co_await loop_.sleep_until(std::min(due(), deadline)); !slept) co_return std::unexpected(slept.error());
  }
  co_return piece;
}

io::Task<Result<>> ScriptedSession::send_interim(const wire::ResponseStart& start) {
  WEIR_CHECK(status == 0);   // never behind the answer's head
  interim.push_back(start.status);
  co_return Result<>{};
}

io::Task<Result<>> ScriptedSession::send(const wire::ResponseStart* start, std::string_view bytes, bool end) {
  WEIR_CHECK(!ended && !aborted && (start != nullptr) == (status == 0));
  if (start != nullptr) {
    status = start->status;
    framing = start->framing;
    for (const http::Field& field : start->fields->all()) fields.emplace_back(field.name, field.value);
  }
  body += bytes;
  if (request_.leaves_at && body.size() >= *request_.leaves_at) gone_ = true;
  if (gone_) co_return fail(ErrorKind::reset, "the script leaves here", Origin::client);
  ended = end;
  if (request_.pace > Nanos(0)) {
    if (auto slept = co_await loop_.sleep_for(request_.pace); !slept) co_return std::unexpected(slept.error());
  }
  co_return Result<>{};
}

void ScriptedSession::leave() {
  gone_ = true;
  const auto [call, context] = std::exchange(listener_, {nullptr, nullptr});
  if (call != nullptr) call(context);
}

std::string_view ScriptedSession::field(std::string_view name) const {
  const auto at = std::ranges::find_if(fields, [&](const auto& one) {
    return std::ranges::equal(one.first, name, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
  });
  return at == fields.end() ? std::string_view() : std::string_view(at->second);
}

}  // namespace weir::simulated
