// Header and trailer fields (RFC 9110 5): a bounded list of name and value views, in the order received. Names keep
// their spelling and compare without case. The views point into the buffer that was parsed, or into storage that the
// adder keeps alive; a Fields never owns bytes. Well-known names carry an id, so that no one compares them twice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::http {

enum class FieldId : std::uint8_t {
  other = 0,
  // framing and connection management (RFC 9112)
  connection, content_length, host, keep_alive, proxy_connection, te, trailer, transfer_encoding, upgrade, expect,
  // forwarding
  via, forwarded, x_forwarded_for, x_forwarded_host, x_forwarded_proto, x_request_id, traceparent, tracestate,
  proxy_status, proxy_authenticate, proxy_authorization, cdn_loop,
  // often used elsewhere
  authorization, user_agent, content_type, date, server, location, retry_after, cookie, set_cookie, accept,
  accept_encoding, content_encoding, cache_control, etag, last_modified, origin, referer,
  sec_websocket_key, sec_websocket_version, sec_websocket_accept, sec_websocket_protocol, sec_websocket_extensions,
  count_,
};

FieldId field_id(std::string_view name);            // without case; other when unknown
std::string_view field_name(FieldId id);            // lower case; "" for other
bool same_name(std::string_view a, std::string_view b);   // ASCII case-insensitive

struct Field {
  std::string_view name;
  std::string_view value;   // without surrounding whitespace
  FieldId id = FieldId::other;
};

class Fields {
 public:
  static constexpr std::size_t kMax = 128;   // hard bound; the listener's cap (default 100) is enforced by the parser

  bool add(std::string_view name, std::string_view value, FieldId id);   // false when full
  bool add(FieldId id, std::string_view value) { return add(field_name(id), value, id); }
  void clear() { size_ = 0; }
  // Removal keeps order and costs one pass.
  std::size_t remove(FieldId id);
  std::size_t remove(std::string_view name);

  const Field* find(FieldId id) const;                // the first one
  const Field* find(std::string_view name) const;
  std::size_t count(FieldId id) const;

  std::span<const Field> all() const { return {items_.data(), size_}; }
  std::span<Field> all() { return {items_.data(), size_}; }
  std::size_t size() const { return size_; }

 private:
  std::array<Field, kMax> items_;
  std::size_t size_ = 0;
};

}  // namespace weir::http
