#include "control/admin.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "http/canonical.h"

namespace weir::control {
namespace {

using http::FieldId;

std::string_view value_of(const http::RequestHead& head, FieldId id) {
  const http::Field* field = head.fields.find(id);
  return field == nullptr ? std::string_view() : field->value;
}

// Takes as long for every wrong token of the right size.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

bool is_address(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return Address::parse(host).has_value();
}

}  // namespace

AdminReply admin_error(std::uint16_t status, std::string_view text) {
  AdminReply reply{.status = status, .content_type = "application/problem+json"};
  JsonWriter json(reply.body);
  json.begin_object().field("title", text).field("status", status).end_object();
  reply.body += '\n';
  return reply;
}

// One admin socket and its connections.
class Admin::Door final : public wire::ServerHost, public wire::Handler {
 public:
  Door(Admin& admin, io::Listener listener, bool local) : admin_(admin), listener_(std::move(listener)), local_(local) {
    options_.body_cap = Bytes{kMaxBody};
  }

  const wire::ServerOptions& options() const override { return options_; }
  bool draining() const override { return stopping_; }
  wire::Handler& handler() override { return *this; }
  wire::Scratch& scratch() override { return admin_.scratch_; }

  io::Task<> serve(io::Stream stream) { return connections_.serve(std::move(stream), *this); }

  io::Task<> handle(wire::ServerStream& stream) override {
    AdminRequest request;
    const AdminRoute* route = nullptr;
    AdminReply reply = admit(stream, request, route);
    if (route != nullptr) {
      if (auto body = co_await read_body(stream); body) {
        request.body = std::move(*body);
        reply = co_await route->answer(request);
      } else {
        reply = admin_error(body.error().kind == ErrorKind::too_large ? 413 : 400, to_string(body.error()));
        stream.close_after();
      }
    } else {
      stream.close_after();
    }
    co_await send(stream, reply);
  }

  io::Task<> refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) override {
    stream.close_after();
    const http::ViolationInfo& what = http::info(violation);
    co_await send(stream, timed_out ? admin_error(408, "the request came too slowly") : admin_error(what.status, what.text));
  }

  io::Listener& listener() { return listener_; }
  bool full() const { return connections_.size() >= kMaxConnections; }
  void stop() {
    stopping_ = true;
    listener_.close();
    connections_.drain(true);
  }

 private:
  // Everything that is decided before a byte of a body is read: who may ask, and what is asked.
  AdminReply admit(wire::ServerStream& stream, AdminRequest& request, const AdminRoute*& route) {
    const http::RequestHead& head = stream.head();
    request = {.method = std::string(head.method), .path = std::string(head.path), .query = std::string(head.query),
               .accept = std::string(value_of(head, FieldId::accept)), .local = local_};
    if (!local_) {
      std::string storage;
      const auto host = http::canonical_host(head.authority, storage);
      const bool named = std::ranges::find(admin_.access_.hosts, host.host) != admin_.access_.hosts.end();
      if (host.violation != http::Violation::none || (!is_address(host.host) && !named)) {
        return admin_error(421, "the Host of this request is not a name of this admin interface (admin: {hosts: [...]})");
      }
      const std::string_view origin = value_of(head, FieldId::origin);
      if (!origin.empty() && origin != "http://" + std::string(head.authority)) {
        return admin_error(403, "requests from other origins are refused");
      }
      const bool open = stream.peer().address.is_loopback() &&
                        (request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics");
      if (!open && !same_secret(value_of(head, FieldId::authorization), "Bearer " + admin_.access_.token)) {
        return admin_error(401, "send Authorization: Bearer with the token in data_dir/admin.token");
      }
    }
    bool path_known = false;
    for (const AdminRoute& candidate : admin_.routes_) {
      const bool here = candidate.prefix ? request.path.starts_with(candidate.path) : request.path == candidate.path;
      if (!here) continue;
      path_known = true;
      if (candidate.method != request.method) continue;
      if (request.method != "GET" && value_of(head, FieldId::content_type) != "application/json") {
        return admin_error(415, "changes need Content-Type: application/json");
      }
      route = &candidate;
      return {};
    }
    return path_known ? admin_error(405, "this path does not take this method") : admin_error(404, "no such path; see docs/guide/admin.md");
  }

  static io::Task<Result<std::string>> read_body(wire::ServerStream& stream) {
    std::string body;
    wire::Piece piece{.bytes = {}, .end = stream.body_finished()};
    while (!piece.end) {
      auto next = co_await stream.read(io::kNever);
      if (!next) co_return std::unexpected(std::move(next.error()));
      piece = *next;
      body.append(piece.bytes);
    }
    co_return body;
  }

  io::Task<> send(wire::ServerStream& stream, const AdminReply& reply) {
    http::Fields fields;
    fields.add(FieldId::content_type, reply.content_type);
    fields.add(FieldId::cache_control, "no-store");
    fields.add("X-Content-Type-Options", "nosniff", FieldId::other);
    http::Framing framing;
    if (!reply.body.empty()) framing = {.kind = http::Framing::Kind::length, .length = reply.body.size()};
    const wire::ResponseStart start{.status = reply.status, .reason = {}, .fields = &fields, .framing = framing};
    const wire::ResponseStart* head = &start;
    std::string_view rest = reply.body;
    do {   // a stream takes a bounded piece at a time
      const std::string_view piece = rest.substr(0, 128 * 1024);
      rest.remove_prefix(piece.size());
      if (!co_await stream.send(head, piece, rest.empty())) co_return;
      head = nullptr;
    } while (!rest.empty());
  }

  Admin& admin_;
  io::Listener listener_;
  const bool local_;
  bool stopping_ = false;
  wire::ServerOptions options_;
  wire::Connections connections_;
};

Admin::Admin(io::Loop& loop, Access access, std::vector<AdminRoute> routes)
    : access_(std::move(access)), routes_(std::move(routes)), scope_(loop) {}

Admin::~Admin() = default;

void Admin::listen(io::Listener socket, bool local) {
  Door& door = *doors_.emplace_back(std::make_unique<Door>(*this, std::move(socket), local));
  scope_.spawn([this, &door] { return accept_loop(door); });
}

io::Task<> Admin::accept_loop(Door& door) {
  while (!door.draining()) {   // stop() may come before the first turn of this loop
    auto stream = co_await door.listener().accept(io::kNever);
    if (!stream) {
      if (door.draining() || stream.error().kind == ErrorKind::cancelled) co_return;
      continue;
    }
    if (door.full()) continue;   // closed at once
    scope_.spawn([&door](io::Stream accepted) { return door.serve(std::move(accepted)); }, std::move(*stream));
  }
}

std::vector<std::pair<SocketAddress, int>> Admin::descriptors() const {
  std::vector<std::pair<SocketAddress, int>> all;
  for (const auto& door : doors_) all.emplace_back(door->listener().local(), door->listener().descriptor());
  return all;
}

void Admin::stop() {
  for (const auto& door : doors_) door->stop();
}

}  // namespace weir::control
