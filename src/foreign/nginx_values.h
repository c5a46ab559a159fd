// Single values of nginx directives, read, and turned into what weir's configuration writes.
//   duration   60, 60s, 1m30s, 500ms, 1d (ngx_parse_time): a bare number is seconds
//   size       8k, 1m, 10g, 512 (ngx_parse_offset)
//   listen     80, *:80, 127.0.0.1, 127.0.0.1:8080, [::]:80, localhost:80, unix:/path
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::foreign {

std::optional<std::uint64_t> nginx_milliseconds(std::string_view text);
std::optional<std::uint64_t> nginx_bytes(std::string_view text);
std::optional<std::uint64_t> decimal(std::string_view digits);

// "1500ms", "90s", "5m": the largest unit that divides it; nothing for zero or more than a year.
std::optional<std::string> weir_duration(std::uint64_t milliseconds);
std::string weir_size(std::uint64_t bytes);  // above zero

// An address to listen on as weir writes it; nothing for a name other than localhost.
std::optional<std::string> weir_listen(std::string_view text);
// An address to call: the port is `port` where none stands. unix:/path stays.
std::optional<std::string> weir_endpoint(std::string_view text, std::string_view port);
// A network with its host bits cleared.
std::optional<std::string> weir_net(std::string_view text);

// A server_name as weir matches hosts: exact or *.name; nothing where no request could have it.
std::optional<std::string> weir_host(std::string_view name);
// One host, without its port; `had_port` says whether there was one.
std::optional<std::string> weir_one_host(std::string_view authority, bool* had_port = nullptr);

// The decoded path of a location, as requests are matched by weir (percent-encoded where no request
// could hold the byte raw); nothing where no route can have it.
std::optional<std::string> weir_path(std::string_view decoded);
// A path as it is sent, written encoded already. `changed`: weir's form differs (dots, slashes).
std::optional<std::string> weir_sent_path(std::string_view raw, bool* changed = nullptr);

// A name for a listener, upstream, route or limit from any text: letters, digits, - _ . at most 63.
std::string weir_name(std::string_view text, std::string_view otherwise);

// proxy_pass and the like, taken apart: scheme://authority[uri]. unix:/path:uri too.
struct NginxUrl {
  std::string scheme, authority, uri;  // uri: with its query, "" for none
};
std::optional<NginxUrl> nginx_url(std::string_view text);

bool has_variable(std::string_view text);
std::string lower(std::string_view text);

}  // namespace weir::foreign
