#include "drill/requests.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "drill/tally.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

constexpr std::size_t kFront = 1024;
constexpr std::size_t kMostShort = 1 << 20;

std::string_view word_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::timeout:
      return saw::kGaveUp;
    case ErrorKind::refused:
      return saw::kRefused;
    case ErrorKind::unreachable:
      return saw::kUnreachable;
    case ErrorKind::reset:
      return saw::kReset;
    case ErrorKind::protocol:
      return saw::kBroken;
    case ErrorKind::cancelled:
      return "cancelled";
    default:
      return saw::kClosed;
  }
}

}  // namespace

std::string_view cause_in(std::string_view body) {
  constexpr std::string_view kBefore = "urn:weir:cause:";
  const std::size_t at = body.find(kBefore);
  if (at == std::string_view::npos) return {};
  body.remove_prefix(at + kBefore.size());
  return body.substr(0, body.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"));
}

io::Task<Result<Requests::Answer>> Requests::attempt(wire::Http1Client& client, const Asked& asked,
                                                     Stamp until) {
  http::Framing framing;
  if (asked.body > 0) framing = {.kind = http::Framing::Kind::length, .length = asked.body};
  wire::PreparedRequest prepared;
  wire::Http1Client::prepare(
      {.method = asked.method, .target = asked.target, .fields = asked.fields, .framing = framing},
      prepared);
  const std::string filling(std::min<std::uint64_t>(asked.body, 64 * 1024), 'x');
  const wire::PreparedRequest* head = &prepared;
  std::uint64_t left = asked.body;
  do {
    const std::string_view piece = std::string_view(filling).substr(0, left);
    left -= piece.size();
    // Who refuses early answers while this is still sent: the answer is read all the same.
    if (auto sent = co_await client.send(head, piece, left == 0, until); !sent) break;
    head = nullptr;
  } while (left > 0);
  Answer answer;
  do {
    auto read = co_await client.read_head(until);
    if (!read) co_return std::unexpected(std::move(read.error()));
    answer.status = (*read)->status;
  } while (answer.status < 200);
  for (wire::Piece piece; !piece.end;) {
    auto next = co_await client.read(until);
    if (!next) co_return std::unexpected(std::move(next.error()));
    piece = *next;
    if (answer.front.size() < kFront)
      answer.front += piece.bytes.substr(0, kFront - answer.front.size());
  }
  co_return answer;
}

io::Task<Requests::Ended> Requests::ask(Asked asked, Stamp until) {
  for (;;) {
    auto client = pool_.take(0, loop_.now());
    const bool used_before = client != nullptr;
    if (!used_before) {
      auto stream = co_await io::Stream::connect(loop_, server_, until);
      if (!stream) {
        const bool late = stream.error().kind == ErrorKind::timeout;
        co_return Ended{.outcome = std::string(late ? saw::kGaveUp : word_of(stream.error()))};
      }
      client = std::make_unique<wire::Http1Client>(std::move(*stream), scratch_);
    }
    client->begin();
    auto answer = co_await attempt(*client, asked, until);
    if (!answer) {
      // The server closed what was idle just as it was taken: that says nothing about this request.
      const bool stale =
          used_before && !client->answered() &&
          (answer.error().kind == ErrorKind::closed || answer.error().kind == ErrorKind::reset);
      if (stale) continue;
      co_return Ended{.outcome = std::string(word_of(answer.error()))};
    }
    if (client->reusable()) pool_.put(0, std::move(client), loop_.now());
    const std::string_view cause =
        answer->status >= 400 ? cause_in(answer->front) : std::string_view();
    co_return Ended{
        .outcome = cause.empty() ? fmt::format("{}", answer->status) : std::string(cause),
        .good = answer->status >= 200 && answer->status < 400};
  }
}

io::Task<Result<ShortAnswer>> call(io::Loop& loop, SocketAddress server, std::string method,
                                   std::string path, std::string body, Nanos patience) {
  const Stamp until = loop.refresh() + patience;
  auto stream = co_await io::Stream::connect(loop, server, until);
  if (!stream) co_return std::unexpected(std::move(stream.error()));
  wire::Scratch scratch;
  wire::Http1Client client(std::move(*stream), scratch);
  client.begin();
  http::Fields fields;
  const std::string host = server.is_unix() ? "weir" : to_string(server);
  fields.add(http::FieldId::host, host);
  http::Framing framing;
  if (!body.empty()) framing = {.kind = http::Framing::Kind::length, .length = body.size()};
  wire::PreparedRequest prepared;
  wire::Http1Client::prepare(
      {.method = method, .target = path, .fields = &fields, .framing = framing}, prepared);
  if (auto sent = co_await client.send(&prepared, body, true, until); !sent)
    co_return std::unexpected(std::move(sent.error()));
  ShortAnswer answer;
  do {
    auto head = co_await client.read_head(until);
    if (!head) co_return std::unexpected(std::move(head.error()));
    answer.status = (*head)->status;
  } while (answer.status < 200);
  for (wire::Piece piece; !piece.end;) {
    auto next = co_await client.read(until);
    if (!next) co_return std::unexpected(std::move(next.error()));
    piece = *next;
    if (answer.body.size() + piece.bytes.size() > kMostShort)
      co_return fail(ErrorKind::too_large, "an answer longer than 1 MiB");
    answer.body += piece.bytes;
  }
  co_return answer;
}

}  // namespace weir::drill
