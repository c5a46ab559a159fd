#include "drill/control.h"

#include <utility>

#include "http/fields.h"

namespace weir::drill {

io::Task<> Control::handle(wire::ServerStream& stream) {
  const std::string method(stream.head().method);
  const bool known = stream.head().path == "/";
  const bool by_address = SocketAddress::parse(stream.head().authority).has_value();
  http::Fields fields;
  std::string text;
  std::uint64_t size = 0;
  if (!co_await read_body(stream, kMostText, text, size)) {
    stream.abort();
    co_return;
  }
  std::uint16_t status = 200;
  std::string wrong;
  if (!by_address) {
    status = 421, wrong = "ask by address: the Host of this request is a name";
  } else if (!known) {
    status = 404, wrong = "only / is here";
  } else if (size > kMostText) {
    status = 413, wrong = "more than 64 KiB";
  } else if (method == "PUT") {
    if (const auto changed = co_await controlled_.change(std::move(text)); !changed)
      status = 400, wrong = to_string(changed.error());
  } else if (method != "GET") {
    status = 405, wrong = "GET says what is set, PUT changes it";
  }
  fields.add(http::FieldId::content_type,
             status == 200 ? "application/json" : "text/plain; charset=utf-8");
  co_await send_answer(stream, status, fields,
                       (status == 200 ? controlled_.describe() : wrong) + "\n");
}

io::Task<> Control::refuse(wire::ServerStream& stream, http::Violation violation, bool) {
  stream.close_after();
  const http::Fields fields;
  co_await send_answer(stream, http::info(violation).status, fields, {});
}

}  // namespace weir::drill
