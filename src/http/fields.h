// Header and trailer fields (RFC 9110 5): a bounded list of name and value views, in the order
// received. Names keep their spelling and compare without case. The views point into the buffer
// that was parsed, or into storage that the adder keeps alive; a Fields never owns bytes.
// Well-known names carry an id, so that no one compares them twice. Making, copying and clearing
// cost what is in the list, not its bound.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::http {

// clang-format off
enum class FieldId : std::uint8_t {
  other = 0,
  // framing and connection management (RFC 9112)
  connection, content_length, host, keep_alive, proxy_connection, te, trailer, transfer_encoding,
  upgrade, expect,
  // forwarding
  via, forwarded, x_forwarded_for, x_forwarded_host, x_forwarded_proto, x_request_id, traceparent,
  tracestate, proxy_status, proxy_authenticate, proxy_authorization, cdn_loop,
  // often used elsewhere
  authorization, user_agent, content_type, date, server, location, retry_after, cookie, set_cookie,
  accept, accept_encoding, content_encoding, cache_control, etag, last_modified, origin, referer,
  sec_websocket_key, sec_websocket_version, sec_websocket_accept, sec_websocket_protocol,
  sec_websocket_extensions,
  count_,
};
// clang-format on
static_assert(static_cast<int>(FieldId::count_) <= 64, "a set of ids is one word");

FieldId field_id(std::string_view name);                 // without case; other when unknown
std::string_view field_name(FieldId id);                 // lower case; "" for other
bool same_name(std::string_view a, std::string_view b);  // ASCII case-insensitive

// A set of well-known names; `other` is never meant to be in one.
class FieldSet {
 public:
  constexpr FieldSet() = default;
  template <class... Ids>
  constexpr explicit FieldSet(Ids... ids) : bits_((bit(ids) | ...)) {}
  constexpr void insert(FieldId id) { bits_ |= bit(id); }
  constexpr void erase(FieldId id) { bits_ &= ~bit(id); }
  constexpr bool has(FieldId id) const { return (bits_ & bit(id)) != 0; }

 private:
  static constexpr std::uint64_t bit(FieldId id) {
    return std::uint64_t{1} << static_cast<unsigned>(id);
  }
  std::uint64_t bits_ = 0;
};

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding whitespace
  FieldId id = FieldId::other;
};

class Fields {
 public:
  static constexpr std::size_t kMax = 160;  // hard bound
  // Of a peer's, whatever the listener's cap (default 100) says; the rest is room for what the
  // gateway adds.
  static constexpr std::size_t kMaxParsed = 128;

  Fields() {}  // NOLINT: the items stay uninitialised until they are added
  Fields(const Fields& other) { copy(other); }
  Fields& operator=(const Fields& other) {
    if (this != &other) copy(other);
    return *this;
  }

  // False when full. `id` must be field_id(name).
  bool add(std::string_view name, std::string_view value, FieldId id) {
    if (size_ == kMax) return false;
    items_[size_++] = Field{.name = name, .value = value, .id = id};
    present_.insert(id);
    return true;
  }
  bool add(FieldId id, std::string_view value) { return add(field_name(id), value, id); }
  void clear() {
    size_ = 0;
    present_ = FieldSet();
  }
  // Removal keeps order and costs one pass. They return how many went.
  std::size_t remove(FieldId id);
  std::size_t remove(std::string_view name);
  template <class Predicate>
  std::size_t remove_if(Predicate drop);

  const Field* find(FieldId id) const;  // the first one; costs nothing when there is none
  const Field* find(std::string_view name) const;
  std::size_t count(FieldId id) const;

  std::span<const Field> all() const { return {items_.data(), size_}; }
  std::span<Field> all() {
    return {items_.data(), size_};
  }  // values may be changed, names and ids not
  std::size_t size() const { return size_; }

 private:
  void copy(const Fields& other);

  union {
    std::array<Field, kMax> items_;
  };
  std::size_t size_ = 0;
  FieldSet present_;  // ids in the list
};

template <class Predicate>
std::size_t Fields::remove_if(Predicate drop) {
  std::size_t kept = 0;
  FieldSet present;
  for (std::size_t i = 0; i < size_; ++i) {
    if (drop(static_cast<const Field&>(items_[i]))) continue;
    present.insert(items_[i].id);
    if (kept != i) items_[kept] = items_[i];
    ++kept;
  }
  const std::size_t removed = size_ - kept;
  size_ = kept;
  present_ = present;
  return removed;
}

}  // namespace weir::http
