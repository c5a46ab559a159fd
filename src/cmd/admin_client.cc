#include "cmd/admin_client.h"

#include <boost/json/parse.hpp>
#include <chrono>
#include <utility>

#include "cmd/configuration.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "fmt/core.h"
#include "io/epoll_kernel.h"
#include "io/loop.h"
#include "wire/http1_client.h"

namespace weir::cmd {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024 * 1024;
constexpr std::size_t kPiece = 128 * 1024;  // a stream takes a bounded piece at a time

io::Task<Result<>> send(wire::Http1Client& client, const AdminQuestion& question, Stamp until) {
  http::Fields fields;
  fields.add(http::FieldId::host, "weir");
  if (question.method != "GET") fields.add(http::FieldId::content_type, "application/json");
  http::Framing framing;
  if (!question.body.empty())
    framing = {.kind = http::Framing::Kind::length, .length = question.body.size()};
  wire::PreparedRequest prepared;
  wire::Http1Client::prepare(
      {.method = question.method, .target = question.path, .fields = &fields, .framing = framing},
      prepared);
  const wire::PreparedRequest* head = &prepared;
  std::string_view rest = question.body;
  do {
    const std::string_view piece = rest.substr(0, kPiece);
    rest.remove_prefix(piece.size());
    if (auto sent = co_await client.send(head, piece, rest.empty(), until); !sent) co_return sent;
    head = nullptr;
  } while (!rest.empty());
  co_return Result<>();
}

io::Task<Result<AdminAnswer>> talk(io::Loop& loop, const std::string& socket,
                                   const AdminQuestion& question) {
  const Stamp until = loop.refresh() + question.patience;
  auto stream = co_await io::Stream::connect(loop, SocketAddress{.unix_path = socket}, until);
  if (!stream) co_return std::unexpected(stream.error());
  wire::Scratch scratch;
  wire::Http1Client client(std::move(*stream), scratch);
  client.begin();
  // A gateway that refuses early answers while we still send: its answer says more than our
  // failure.
  const auto sent = co_await send(client, question, until);
  AdminAnswer answer;
  do {
    auto head = co_await client.read_head(until);
    if (!head) co_return std::unexpected(sent ? head.error() : sent.error());
    answer.status = (*head)->status;
  } while (answer.status < 200);
  for (wire::Piece piece; !piece.end;) {
    auto next = co_await client.read(until);
    if (!next) co_return std::unexpected(next.error());
    piece = *next;
    if (answer.body.size() + piece.bytes.size() > kMaxAnswer) {
      co_return fail(ErrorKind::too_large, "the gateway's answer is longer than 64 MiB");
    }
    answer.body += piece.bytes;
  }
  co_return answer;
}

// The title of a problem, else the body as it came.
std::string reason_of(const AdminAnswer& answer) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(answer.body, error);
  if (!error && document.is_object()) {
    const boost::json::value* title = document.as_object().if_contains("title");
    if (title != nullptr && title->is_string()) return std::string(title->as_string());
  }
  return answer.body.substr(0, 200);
}

}  // namespace

Result<AdminAnswer> ask(const std::string& socket, const AdminQuestion& question) {
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  return io::block_on(loop, [&] { return talk(loop, socket, question); });
}

bool nobody_there(const Error& error) {
  return error.kind == ErrorKind::refused || error.kind == ErrorKind::unreachable ||
         error.kind == ErrorKind::not_found || error.kind == ErrorKind::io;
}

Asked ask_gateway(const Where& where, const AdminQuestion& question) {
  const auto socket = find_socket(where);
  if (!socket) return {.code = failed(socket.error())};
  auto answer = ask(*socket, question);
  if (!answer) {
    if (nobody_there(answer.error())) {
      complain(fmt::format("no weir is running there: {}: {}", config::printable(*socket),
                           to_string(answer.error())));
    } else {
      complain(fmt::format("{}: {}", config::printable(*socket), to_string(answer.error())));
    }
    return {.code = kUnreachable};
  }
  return judge(*answer);
}

Asked judge(const AdminAnswer& answer) {
  Asked asked{.status = answer.status, .body = answer.body};
  if (asked.status < 300 || asked.status == 409 || asked.status == 422)
    return asked;  // the command's to judge
  complain(config::printable(reason_of({.status = asked.status, .body = asked.body})));
  asked.code = kFailed;
  return asked;
}

}  // namespace weir::cmd
