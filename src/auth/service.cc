#include "auth/service.h"

#include <algorithm>

namespace weir::auth {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-/:@").find(c) != std::string_view::npos;
}

}  // namespace

Evidence check_service(std::optional<std::string_view> header, const Address& client, std::span<const Net> from) {
  Evidence evidence;
  if (!header) return evidence;
  if (!std::ranges::any_of(from, [&](const Net& net) { return net.contains(client); })) {
    evidence.result = EvidenceResult::untrusted;
  } else if (header->empty() || header->size() > kMaxServiceName || !std::ranges::all_of(*header, is_name_byte)) {
    evidence.result = EvidenceResult::malformed;
  } else {
    evidence.result = EvidenceResult::valid;
    evidence.subject = *header;
  }
  return evidence;
}

}  // namespace weir::auth
