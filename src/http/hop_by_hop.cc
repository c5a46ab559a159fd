// What one connection is told and the next is not (RFC 9110 7.6.1). Most proxies keep nominated
// fields; this one drops them. Bounded: the parser took at most 32 options, a list has at most 128
// fields.
#include <algorithm>
#include <array>
#include <string_view>

#include "http/http1.h"
#include "http/http1_lines.h"

namespace weir::http {
namespace {

// Trailer goes because trailers are not forwarded. Proxy-Authorization and -Authenticate speak to
// the first proxy on the way, which is this one (RFC 9110 11.7).
constexpr FieldSet kHopByHop(FieldId::connection, FieldId::keep_alive, FieldId::proxy_connection,
                             FieldId::te, FieldId::trailer, FieldId::transfer_encoding,
                             FieldId::content_length, FieldId::upgrade, FieldId::proxy_authenticate,
                             FieldId::proxy_authorization);

constexpr std::size_t kMaxNominated = 32;

struct Nominated {
  std::array<std::string_view, kMaxNominated> names;
  std::size_t count = 0;
};

Nominated find_nominated(const Fields& fields) {
  Nominated result;
  for (const Field& field : fields.all()) {
    if (field.id != FieldId::connection) continue;
    each_element(field.value, [&](std::string_view option) {
      // These name no field, or one that goes anyway.
      if (same_name(option, "close") || kHopByHop.has(field_id(option))) return true;
      if (result.count == kMaxNominated) return false;
      result.names[result.count++] = option;
      return true;
    });
  }
  return result;
}

// RFC 3875 4.1.18: CGI, and all who follow it, read X_Forwarded_For and X-Forwarded-For as one
// variable. What a client disguises so would stand beside, or for, what the gateway says itself.
bool is_disguised(const Field& field) {
  constexpr std::size_t kLongest = 32;
  if (field.id != FieldId::other || field.name.size() > kLongest) return false;
  if (field.name.find('_') == std::string_view::npos) return false;
  std::array<char, kLongest> dashed;
  std::replace_copy(field.name.begin(), field.name.end(), dashed.begin(), '_', '-');
  return field_id({dashed.data(), field.name.size()}) != FieldId::other;
}

}  // namespace

void strip_hop_by_hop(Fields& fields) {
  const auto always = [](const Field& field) { return kHopByHop.has(field.id) || is_disguised(field); };
  if (fields.find(FieldId::connection) == nullptr) {
    fields.remove_if(always);
    return;
  }
  const Nominated nominated = find_nominated(fields);
  fields.remove_if([&](const Field& field) {
    if (always(field)) return true;
    const auto last = nominated.names.begin() + nominated.count;
    return std::any_of(nominated.names.begin(), last,
                       [&](std::string_view name) { return same_name(name, field.name); });
  });
}

}  // namespace weir::http
