#include "decide/client.h"

#include <algorithm>
#include <optional>

namespace weir::decide {
namespace {

bool is_trusted(const Address& address, std::span<const Net> trusted) {
  return std::ranges::any_of(trusted, [&](const Net& net) { return net.contains(address); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<Address> read_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  const auto address = Address::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace

Address client_address(const Address& peer, std::span<const std::string_view> forwarded_for,
                       std::span<const Net> trusted) {
  Address client = peer;
  std::size_t hops = 0;
  for (std::size_t field = forwarded_for.size(); field-- > 0;) {
    std::string_view left = forwarded_for[field];
    for (bool more = true; more;) {
      if (hops++ == kMaxForwardedHops || !is_trusted(client, trusted)) return client;
      const auto comma = left.rfind(',');
      more = comma != std::string_view::npos;
      const auto hop = read_hop(trim(more ? left.substr(comma + 1) : left));
      if (!hop) return client;
      client = *hop;
      if (more) left = left.substr(0, comma);
    }
  }
  return client;
}

}  // namespace weir::decide
