#include "proxy/forward.h"

#include <algorithm>

#include "base/put.h"
#include "http/fields.h"
#include "http/http1.h"

namespace weir::proxy {
namespace {

using http::FieldId;

// "a, b" from what is there already (several lines are one list, RFC 9110 5.3) and one more element.
std::string_view appended(const http::Fields& fields, FieldId id, std::string_view element, Arena& arena) {
  if (fields.find(id) == nullptr) return element;
  std::string_view list;
  for (const http::Field& field : fields.all()) {
    if (field.id != id || field.value.empty()) continue;
    list = list.empty() ? field.value : arena.join({list, ", ", field.value});
  }
  return list.empty() ? element : arena.join({list, ", ", element});
}

void replace(http::Fields& fields, FieldId id, std::string_view value) {
  fields.remove(id);
  fields.add(id, value);
}

}  // namespace

std::string_view Arena::join(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (std::string_view part : parts) size += part.size();
  char* const begin = room(size);
  char* to = begin;
  for (std::string_view part : parts) to = put(to, part);
  return {begin, size};
}

char* Arena::room(std::size_t bytes) {
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < bytes) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t size = std::max(kBlock, bytes);
    blocks_.push_back({.bytes = std::make_unique_for_overwrite<char[]>(size), .size = size});
  }
  char* const begin = blocks_[block_].bytes.get() + used_;
  used_ += bytes;
  return begin;
}

void apply_operations(std::span<const HeaderOperation> operations, http::Fields& fields) {
  for (const HeaderOperation& operation : operations) {
    if (operation.kind != HeaderOperation::Kind::add) fields.remove(operation.name);
    if (operation.kind == HeaderOperation::Kind::remove) continue;
    fields.add(operation.name, operation.value, http::field_id(operation.name));
  }
}

void forward_request_fields(std::span<const HeaderOperation> operations, const ForwardedBy& by, http::RequestHead& head,
                            Arena& arena) {
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
  replace(fields, FieldId::via, appended(fields, FieldId::via, by.via, arena));
  replace(fields, FieldId::cdn_loop, appended(fields, FieldId::cdn_loop, by.loop_mark, arena));
  replace(fields, FieldId::x_forwarded_for, appended(fields, FieldId::x_forwarded_for, by.client, arena));
  if (fields.find(FieldId::x_forwarded_proto) == nullptr) fields.add(FieldId::x_forwarded_proto, "http");
  if (fields.find(FieldId::x_forwarded_host) == nullptr && !by.host.empty()) {
    fields.add(FieldId::x_forwarded_host, by.host);
  }
  replace(fields, FieldId::x_request_id, by.request_id);
  if (!by.traceparent.empty()) replace(fields, FieldId::traceparent, by.traceparent);
  if (!by.deadline_header.empty()) {
    fields.remove(by.deadline_header);
    if (!by.deadline.empty()) fields.add(by.deadline_header, by.deadline, http::field_id(by.deadline_header));
  }
  apply_operations(operations, fields);
}

void forward_response_fields(std::span<const HeaderOperation> operations, std::string_view via, std::string_view date,
                             std::string_view request_id, http::ResponseHead& head) {
  http::Fields& fields = head.fields;
  http::strip_hop_by_hop(fields);
  fields.add(FieldId::via, via);   // one more line of the list; order is kept (RFC 9110 7.6.3)
  // RFC 9110 6.6.1: who forwards an answer without Date and has a clock adds one.
  if (fields.find(FieldId::date) == nullptr) fields.add(FieldId::date, date);
  replace(fields, FieldId::x_request_id, request_id);
  apply_operations(operations, fields);
}

}  // namespace weir::proxy
