#include "proxy/forward.h"

#include <utility>

#include "fmt/core.h"
#include "http/fields.h"
#include "http/http1.h"

namespace weir::proxy {
namespace {

using http::FieldId;

// "a, b" from what is there already (several lines are one list, RFC 9110 5.3) and one more element.
std::string_view appended(const http::Fields& fields, FieldId id, std::string_view element, Arena& arena) {
  std::string list;
  for (const http::Field& field : fields.all()) {
    if (field.id != id || field.value.empty()) continue;
    list.append(field.value).append(", ");
  }
  return list.empty() ? element : arena.keep(list.append(element));
}

void replace(http::Fields& fields, FieldId id, std::string_view value) {
  fields.remove(id);
  fields.add(id, value);
}

void apply_operations(std::span<const HeaderOperation> operations, http::Fields& fields) {
  for (const HeaderOperation& operation : operations) {
    if (operation.kind != HeaderOperation::Kind::add) fields.remove(operation.name);
    if (operation.kind == HeaderOperation::Kind::remove) continue;
    fields.add(operation.name, operation.value, http::field_id(operation.name));
  }
}

std::string_view version_number(http::Version version) {
  return version == http::Version::http10 ? "1.0" : version == http::Version::http11 ? "1.1" : "2";
}

}  // namespace

std::string_view Arena::keep(std::string text) {
  if (used_ == texts_.size()) texts_.emplace_back();
  std::string& slot = texts_[used_++];
  slot = std::move(text);
  return slot;
}

void forward_request_fields(const Route& route, const ForwardedBy& by, http::RequestHead& head, Arena& arena) {
  http::Fields& fields = head.fields;
  http::strip_hop_by_hop(fields);
  fields.remove(FieldId::expect);   // answered here, once the request is let through
  if (!by.peer_trusted) {
    // What an untrusted client says about who it is for is not passed on as if we had said it.
    fields.remove(FieldId::forwarded);
    fields.remove(FieldId::x_forwarded_for);
    fields.remove(FieldId::x_forwarded_host);
    fields.remove(FieldId::x_forwarded_proto);
  }
  const std::string_view via = by.via;
  replace(fields, FieldId::via,
          appended(fields, FieldId::via, arena.keep(fmt::format("{} {}", version_number(head.version), via)), arena));
  replace(fields, FieldId::x_forwarded_for, appended(fields, FieldId::x_forwarded_for, by.client, arena));
  if (fields.find(FieldId::x_forwarded_proto) == nullptr) fields.add(FieldId::x_forwarded_proto, "http");
  if (fields.find(FieldId::x_forwarded_host) == nullptr && !by.host.empty()) {
    fields.add(FieldId::x_forwarded_host, by.host);
  }
  replace(fields, FieldId::x_request_id, by.request_id);
  if (!by.traceparent.empty()) replace(fields, FieldId::traceparent, by.traceparent);
  apply_operations(route.request_headers, fields);
}

void forward_response_fields(const Route& route, std::string_view via, std::string_view date,
                             std::string_view request_id, http::ResponseHead& head) {
  http::Fields& fields = head.fields;
  http::strip_hop_by_hop(fields);
  fields.add(FieldId::via, via);   // one more line of the list; order is kept (RFC 9110 7.6.3)
  // RFC 9110 6.6.1: who forwards an answer without Date and has a clock adds one.
  if (fields.find(FieldId::date) == nullptr) fields.add(FieldId::date, date);
  replace(fields, FieldId::x_request_id, request_id);
  apply_operations(route.response_headers, fields);
}

}  // namespace weir::proxy
