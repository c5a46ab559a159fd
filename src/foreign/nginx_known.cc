// Directives that need no look at their place: what weir does by itself, what it has no counterpart
// for. Of two rows that fit a name the first counts. (Names: nginx.org/en/docs/dirindex.html.)
#include <array>
#include <string_view>

#include "foreign/nginx_verdicts.h"

namespace weir::foreign {
namespace {

constexpr Fate kDone = Fate::translated, kLost = Fate::not_translatable;
constexpr std::string_view kProcess = "of nginx's own process; weir has nothing to set here";
constexpr std::string_view kBuffers = "weir streams bodies through bounded buffers by itself";
constexpr std::string_view kFiles = "weir serves no files";
constexpr std::string_view kTls = "this version has no TLS: let it end in front of weir";
constexpr std::string_view kUpstreamTls = "this version has no TLS to upstreams";
constexpr std::string_view kCache = "weir has no cache";
constexpr std::string_view kUnused = "nothing that is translated uses it";

constexpr std::array kTable = {
    KnownDirective{"include", kDone, "read"},
    KnownDirective{"http", kDone, ""},
    KnownDirective{"events", kDone, kProcess, true},
    KnownDirective{"user", kDone, kProcess},
    KnownDirective{"pid", kDone, kProcess},
    KnownDirective{"daemon", kDone, kProcess},
    KnownDirective{"master_process", kDone, kProcess},
    KnownDirective{"worker_rlimit_nofile", kDone,
                   "weir takes the hard limit of descriptors by itself"},
    KnownDirective{"worker_*", kDone, kProcess},
    KnownDirective{"load_module", kLost, "weir loads no modules"},
    KnownDirective{"error_log", kDone, "weir writes its complaints to standard error"},
    KnownDirective{"log_format", kDone, "weir's access log is JSON lines with every field"},
    KnownDirective{"log_not_found", kDone, "weir writes no such complaints"},
    KnownDirective{"access_log", kLost,
                   "weir has one access log for all; what holds for some places only is lost"},
    KnownDirective{"open_log_file_cache", kDone, kProcess},
    KnownDirective{"types", kDone, kFiles, true},
    KnownDirective{"types_hash_*", kDone, kProcess},
    KnownDirective{"default_type", kDone, ""},
    KnownDirective{"sendfile*", kDone, kProcess},
    KnownDirective{"tcp_nopush", kDone, kProcess},
    KnownDirective{"tcp_nodelay", kDone, "always on in weir"},
    KnownDirective{"server_tokens", kDone, "weir sends no Server of its own"},
    KnownDirective{"server_names_hash_*", kDone, kProcess},
    KnownDirective{"variables_hash_*", kDone, kProcess},
    KnownDirective{"map_hash_*", kDone, kProcess},
    KnownDirective{"proxy_headers_hash_*", kDone, kProcess},
    KnownDirective{"reset_timedout_connection", kDone, kProcess},
    KnownDirective{"ignore_invalid_headers", kDone, "weir refuses header fields that break HTTP"},
    KnownDirective{"underscores_in_headers", kDone, "weir passes such fields on"},
    KnownDirective{"merge_slashes", kLost, "weir always merges slashes"},
    KnownDirective{"client_header_buffer_size", kDone, kBuffers},
    KnownDirective{"client_body_buffer_size", kDone, kBuffers},
    KnownDirective{"client_body_temp_path", kDone, kBuffers},
    KnownDirective{"client_body_in_*", kDone, kBuffers},
    KnownDirective{"output_buffers", kDone, kBuffers},
    KnownDirective{"postpone_output", kDone, kBuffers},
    KnownDirective{"proxy_buffer*", kDone, kBuffers},
    KnownDirective{"proxy_busy_buffers_size", kDone, kBuffers},
    KnownDirective{"proxy_temp_*", kDone, kBuffers},
    KnownDirective{"proxy_max_temp_file_size", kDone, kBuffers},
    KnownDirective{"proxy_request_buffering", kDone, kBuffers},
    KnownDirective{"proxy_http_version", kDone,
                   "weir speaks HTTP/1.1 to upstreams and keeps connections"},
    KnownDirective{"proxy_socket_keepalive", kDone, kProcess},
    KnownDirective{"proxy_cache*", kLost, kCache},
    KnownDirective{"proxy_no_cache", kLost, kCache},
    KnownDirective{"proxy_store*", kLost, kCache},
    KnownDirective{"proxy_ssl*", kLost, kUpstreamTls},
    KnownDirective{"proxy_cookie_*", kLost, "weir does not rewrite cookies"},
    KnownDirective{"proxy_intercept_errors", kLost,
                   "weir passes errors of upstreams on as they are"},
    KnownDirective{
        "proxy_next_upstream*", kLost,
        "this version tries another endpoint after a failed connection and never otherwise"},
    KnownDirective{"proxy_pass_request_*", kLost, "weir always passes headers and body on"},
    KnownDirective{"proxy_method", kLost, "weir does not change methods"},
    KnownDirective{"proxy_set_body", kLost, "weir does not change bodies"},
    KnownDirective{"proxy_limit_rate", kLost, "weir does not slow answers down"},
    KnownDirective{"proxy_bind", kLost, "weir calls from the address that the system gives it"},
    KnownDirective{"proxy_ignore_client_abort", kLost,
                   "weir ends the upstream's request when the client is gone"},
    KnownDirective{"proxy_pass_header", kDone, "weir passes every field of the answer on"},
    KnownDirective{"proxy_ignore_headers", kDone, "weir obeys no X-Accel fields"},
    KnownDirective{"proxy_set_header", kDone, kUnused},
    KnownDirective{"proxy_hide_header", kDone, kUnused},
    KnownDirective{"proxy_redirect", kDone, kUnused},
    KnownDirective{"proxy_connect_timeout", kDone, kUnused},
    KnownDirective{"proxy_read_timeout", kDone, kUnused},
    KnownDirective{"proxy_send_timeout", kDone, kUnused},
    KnownDirective{"fastcgi_*", kLost, "weir speaks HTTP to upstreams, not FastCGI"},
    KnownDirective{"uwsgi_*", kLost, "weir speaks HTTP to upstreams, not uwsgi"},
    KnownDirective{"scgi_*", kLost, "weir speaks HTTP to upstreams, not SCGI"},
    KnownDirective{"grpc_*", kLost, "this version has no HTTP/2, and so no gRPC"},
    KnownDirective{"memcached_*", kLost, "weir speaks HTTP to upstreams, not memcached"},
    KnownDirective{"http2*", kLost, "this version speaks HTTP/1.1"},
    KnownDirective{"http3*", kLost, "this version speaks HTTP/1.1"},
    KnownDirective{"quic_*", kLost, "this version speaks HTTP/1.1"},
    KnownDirective{"ssl*", kLost, kTls},
    KnownDirective{"gzip_static", kLost, kFiles},
    KnownDirective{"gzip*", kLost,
                   "weir does not compress; answers go on as the upstream made them"},
    KnownDirective{"gunzip*", kLost, "weir does not decompress"},
    KnownDirective{"brotli*", kLost,
                   "weir does not compress; answers go on as the upstream made them"},
    KnownDirective{"root", kLost, kFiles},
    KnownDirective{"alias", kLost, kFiles},
    KnownDirective{"index", kLost, kFiles},
    KnownDirective{"autoindex*", kLost, kFiles},
    KnownDirective{"try_files", kLost, kFiles},
    KnownDirective{"expires", kLost, "weir serves no files; set Cache-Control in response_headers"},
    KnownDirective{"etag", kLost, kFiles},
    KnownDirective{"if_modified_since", kLost, kFiles},
    KnownDirective{"open_file_cache*", kDone, kFiles},
    KnownDirective{"directio*", kDone, kFiles},
    KnownDirective{"aio*", kDone, kFiles},
    KnownDirective{"disable_symlinks", kDone, kFiles},
    KnownDirective{"charset*", kLost, "weir does not change Content-Type"},
    KnownDirective{"error_page", kLost,
                   "weir passes errors of upstreams on, and answers its own with problem+json"},
    KnownDirective{"recursive_error_pages", kLost, "weir has no error pages"},
    KnownDirective{"resolver*", kDone,
                   "weir asks the system's name servers and looks names up again by itself"},
    KnownDirective{"map", kLost, "weir has no variables", true},
    KnownDirective{"geo", kLost, "weir has no variables", true},
    KnownDirective{"geoip*", kLost, "weir has no variables"},
    KnownDirective{"split_clients", kLost, "weir has no variables; see split of a route", true},
    KnownDirective{"set", kLost, "weir has no variables"},
    KnownDirective{"if", kLost, "weir decides by host, path, method, header and query of routes",
                   true},
    KnownDirective{"rewrite_log", kDone, kProcess},
    KnownDirective{"uninitialized_variable_warn", kDone, kProcess},
    KnownDirective{"limit_conn*", kLost, "this version does not limit requests at once"},
    KnownDirective{"limit_rate*", kLost, "weir does not slow answers down"},
    KnownDirective{"limit_req_log_level", kDone,
                   "weir counts refusals and logs them with the request"},
    KnownDirective{"limit_req_dry_run", kDone, kUnused},
    KnownDirective{"limit_req_status", kDone, kUnused},
    KnownDirective{"limit_req_zone", kDone, kUnused},
    KnownDirective{"limit_req", kDone, kUnused},
    KnownDirective{"keepalive_requests", kDone, "weir does not count the requests of a connection"},
    KnownDirective{"keepalive_disable", kDone, "of browsers that are gone"},
    KnownDirective{"keepalive_time", kDone, "weir does not end connections by their age"},
    KnownDirective{"send_timeout", Fate::approximated,
                   "weir ends an answer that stays below caps.min_rate for timeouts.body"},
    KnownDirective{"lingering_*", kDone, kProcess},
    KnownDirective{"server_name_in_redirect", kLost,
                   "weir's redirects keep the host that the client named"},
    KnownDirective{"port_in_redirect", kLost,
                   "weir's redirects keep the port that the client named"},
    KnownDirective{"absolute_redirect", kLost, "weir's redirects name scheme and host"},
    KnownDirective{"proxy_protocol*", kLost, "weir does not read the PROXY protocol"},
    KnownDirective{"mirror*", kLost, "weir does not mirror requests"},
    KnownDirective{"sub_filter*", kLost, "weir does not change bodies"},
    KnownDirective{"ssi*", kLost, "weir does not change bodies"},
    KnownDirective{"add_before_body", kLost, "weir does not change bodies"},
    KnownDirective{"add_after_body", kLost, "weir does not change bodies"},
    KnownDirective{"image_filter*", kLost, "weir does not change bodies"},
    KnownDirective{"stub_status", kLost,
                   "weir's own numbers: weir status, and /metrics of its admin address"},
    KnownDirective{"dav_*", kLost, kFiles},
    KnownDirective{"server", kLost, "not on an address of this file", true},
    KnownDirective{"upstream", kDone, "no route leads there", true},
    KnownDirective{"stream", kLost, "weir speaks HTTP alone", true},
    KnownDirective{"mail", kLost, "weir speaks HTTP alone", true},
    KnownDirective{"limit_except", kLost, "weir routes by methods; this block says more", true},
    KnownDirective{"*_by_lua*", kLost, "weir runs no scripts", true},
    KnownDirective{"js_*", kLost, "weir runs no scripts"},
    KnownDirective{"perl*", kLost, "weir runs no scripts"},
    KnownDirective{"lua_*", kLost, "weir runs no scripts"},
    KnownDirective{"break", kDone, ""},
    KnownDirective{"add_header", kLost,
                   "weir's own answers carry no added fields, and nothing is forwarded here"},
};

bool fits(std::string_view pattern, std::string_view name) {
  if (pattern == "*_by_lua*") return name.find("_by_lua") != std::string_view::npos;
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

KnownDirective known_directive(std::string_view name) {
  for (const KnownDirective& row : kTable) {
    if (fits(row.name, name)) return row;
  }
  return {name, kLost, "not known to this importer", true};
}

}  // namespace weir::foreign
