// The readers of values.h for addresses: where to listen, where to call, which networks.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "config/complaint.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "http/canonical.h"

namespace weir::config {
namespace {

Read<std::uint16_t> read_port(std::string_view text, std::string_view port) {
  const auto number = whole_number(port);
  if (!number || *number > 65535) {
    return beyond(fmt::format("{} has no port between 1 and 65535", quote(text)),
                  "write the port after the last colon, such as 127.0.0.1:8080");
  }
  if (*number == 0) {
    return beyond(fmt::format("{} has port 0", quote(text)),
                  "write the port that clients are told, such as 8080");
  }
  return static_cast<std::uint16_t>(*number);
}

// The address in front of a port, or the name there. `what` is "listener" or "endpoint".
Read<std::pair<std::string_view, std::uint16_t>> split_port(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://", "h2c://", "grpc://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view host =
        text.substr(scheme.size(), text.find('/', scheme.size()) - scheme.size());
    const std::string rest = host.find(':') == std::string_view::npos
                                 ? fmt::format("{}:80", printable(host))
                                 : printable(host);
    if (scheme != "http://") {
      return complain(fmt::format("{} asks for {}, which is not in this version", quote(text),
                                  scheme.substr(0, scheme.size() - 3)),
                      fmt::format("speak plain HTTP/1.1 there and write host and port: {}", rest));
    }
    return complain(fmt::format("{} is a URL, not an address", quote(text)),
                    fmt::format("write host and port: {}", rest));
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    return complain(fmt::format("{} is not an address with a port", quote(text)),
                    text.front() == '/'
                        ? fmt::format("a unix socket is written unix:{}", printable(text))
                        : "write host and port only; a path belongs to a route");
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    const bool only_port = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    return complain(fmt::format("{} has no port", quote(text)),
                    only_port ? fmt::format("write 127.0.0.1:{}", text)
                              : fmt::format("write {}:80, or its real port", printable(text)));
  }
  const std::string_view host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) {
    return complain(fmt::format("{} leaves open where the IPv6 address ends", quote(text)),
                    fmt::format("put the address in brackets: [{}]:{}", printable(host),
                                printable(text.substr(colon + 1))));
  }
  const auto port = read_port(text, text.substr(colon + 1));
  if (!port) return std::unexpected(port.error());
  return std::pair{host, *port};
}

Read<SocketAddress> read_unix(std::string_view text) {
  const auto parsed = SocketAddress::parse(text);
  if (parsed && text.size() > 5 && text[5] == '/') return *parsed;
  return complain(
      fmt::format("{} is not a unix socket", quote(text)),
      "write unix: and an absolute path of at most 107 bytes, such as unix:/run/weir.sock");
}

}  // namespace

Read<SocketAddress> read_listen_address(std::string_view text) {
  if (text.starts_with("unix:")) return read_unix(text);
  const auto split = split_port(text);
  if (!split) return std::unexpected(split.error());
  if (const auto parsed = SocketAddress::parse(text)) return *parsed;
  const bool local = split->first == "localhost", any = split->first == "*";
  return complain(fmt::format("{} is not an IP address to listen on", quote(text)),
                  local || any
                      ? fmt::format("write {}:{}", local ? "127.0.0.1" : "0.0.0.0", split->second)
                      : fmt::format("write the address of one of this machine's interfaces, or "
                                    "0.0.0.0:{} for all of them",
                                    split->second));
}

Read<EndpointAddress> read_endpoint_address(std::string_view text) {
  EndpointAddress result;
  if (text.starts_with("unix:")) {
    const auto parsed = read_unix(text);
    if (!parsed) return std::unexpected(parsed.error());
    result.address = *parsed;
    result.written = to_string(*parsed);
    return result;
  }
  const auto split = split_port(text);
  if (!split) return std::unexpected(split.error());
  const auto [host, port] = *split;
  if (host.empty()) {
    return complain(fmt::format("{} has no host", quote(text)),
                    fmt::format("write 127.0.0.1{}", printable(text)));
  }
  if (const auto parsed = SocketAddress::parse(text)) {
    const Address none{.family = parsed->address.family, .bytes = {}};
    if (parsed->address == none) {
      return complain(fmt::format("{} is an address to listen on, not one to call", quote(text)),
                      fmt::format("write 127.0.0.1:{} for a server on this machine", port));
    }
    result.address = *parsed;
    result.written = to_string(*parsed);
    return result;
  }
  std::string storage;
  const auto name = http::canonical_host(host, storage);
  const bool all_numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (name.violation != http::Violation::none || name.port || name.host.empty() || all_numeric ||
      host.starts_with('[')) {
    return complain(fmt::format("{} is not a host with a port", quote(text)),
                    "write an IP address or a host name and a port, such as 127.0.0.1:9001 or "
                    "orders.internal:8080");
  }
  result.host = name.host;
  result.address.port = port;
  result.written = fmt::format("{}:{}", result.host, port);
  return result;
}

Read<Net> read_net(std::string_view text) {
  const auto net = Net::parse(text);
  if (!net) {
    return complain(
        fmt::format("{} is not a network", quote(text)),
        "write an address and the length of its prefix, such as 10.0.0.0/8 or 2001:db8::/32");
  }
  const std::size_t slash = text.find('/');
  const auto given = Address::parse(text.substr(0, slash));
  if (given && slash != std::string_view::npos && *given != net->address) {
    return complain(fmt::format("{} has bits set beyond its prefix", quote(text)),
                    fmt::format("write {} for the network, or {} for the one address",
                                to_string(*net), to_string(*given)));
  }
  return *net;
}

}  // namespace weir::config
