// The readers of values.h for texts that requests are compared with or that are sent: hosts, paths,
// names, headers.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/complaint.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "http/canonical.h"

namespace weir::config {
namespace {

constexpr std::size_t kLongestName = 63, kLongestValue = 4096, kLongestPath = 1024,
                      kLongestWord = 256;

// RFC 9110 5.6.2 tchar.
bool is_token_char(char c) {
  return is_digit(c) || is_letter(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

Read<std::string> read_host_pattern(std::string_view text) {
  if (text == "*") {
    return complain("\"*\" is not a host", "leave `hosts` out to match every host");
  }
  if (text.find("://") != std::string_view::npos || text.find('/') != std::string_view::npos) {
    return complain(fmt::format("{} is a URL, not a host", quote(text)),
                    "write the host alone, such as api.example.com");
  }
  const bool wildcard = text.starts_with("*.");
  const std::string_view host = wildcard ? text.substr(2) : text;
  if (host.find('*') != std::string_view::npos) {
    return complain(fmt::format("{} is not a host pattern", quote(text)),
                    "a * stands only at the front, for whole labels: *.example.com");
  }
  std::string storage;
  const auto canonical = http::canonical_host(host, storage);
  if (canonical.violation != http::Violation::none || canonical.host.empty()) {
    return complain(
        fmt::format("{} is not a host name", quote(text)),
        "a host has labels of letters, digits and '-' between dots, such as api.example.com");
  }
  if (canonical.port) {
    return complain(fmt::format("{} has a port; hosts are matched without it", quote(text)),
                    fmt::format("write {}{}", wildcard ? "*." : "", canonical.host));
  }
  return (wildcard ? "*." : "") + std::string(canonical.host);
}

namespace {

// What is wrong with `text` as a path, wherever it stands.
std::optional<Complaint> no_path(std::string_view text, std::string_view host_remedy) {
  if (text.size() > kLongestPath) {
    return beyond(fmt::format("path {} is longer than {} bytes", quote(text), kLongestPath),
                  "write a shorter path")
        .error();
  }
  if (text.starts_with('/')) return std::nullopt;
  return complain(fmt::format("path {} does not begin with /", quote(text)),
                  text.find("://") != std::string_view::npos
                      ? std::string(host_remedy)
                      : fmt::format("write /{}", printable(text)))
      .error();
}

Read<std::string> read_matched_path(std::string_view text) {
  if (auto wrong = no_path(text, "write the path alone; the host belongs to `hosts`"))
    return std::unexpected(std::move(*wrong));
  if (const std::size_t query = text.find('?'); query != std::string_view::npos) {
    return never(
        fmt::format("path {} holds a query, and paths are compared without it", quote(text)),
        fmt::format("write {} and match the rest with `query`", printable(text.substr(0, query))));
  }
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    return never(fmt::format("path {} holds a fragment, which clients never send", quote(text)),
                 fmt::format("write {}", printable(text.substr(0, hash))));
  }
  if (text.find_first_of("{}<>") != std::string_view::npos) {
    return never(
        fmt::format("path {} holds a placeholder, and paths are taken literally", quote(text)),
        fmt::format(
            "match what is below with {}*",
            printable(text.substr(0, text.find_last_of('/', text.find_first_of("{}<>")) + 1))));
  }
  std::string storage;
  const auto canonical = http::canonical_path(text, http::EncodedSlash::keep, storage);
  if (canonical.violation != http::Violation::none) {
    return never(fmt::format("path {} is refused in requests: {}", quote(text),
                             http::info(canonical.violation).text),
                 "write a path that a request may have");
  }
  if (canonical.path != text) {
    return never(
        fmt::format("path {} matches nothing: requests are compared in their canonical form",
                    quote(text)),
        fmt::format("write {}", printable(canonical.path)));
  }
  return std::string(text);
}

}  // namespace

Read<std::string> read_path(std::string_view text) {
  if (auto wrong = no_path(text, "write the path alone")) return std::unexpected(std::move(*wrong));
  if (const std::size_t end = text.find_first_of("?#"); end != std::string_view::npos) {
    return complain(fmt::format("path {} holds a {}, and here stands a path alone", quote(text),
                                text[end] == '?' ? "query" : "fragment"),
                    fmt::format("write {}", printable(text.substr(0, end))));
  }
  if (text.find_first_of("{}<>") != std::string_view::npos) {
    return complain(
        fmt::format("path {} holds a placeholder, and paths are sent as they are written",
                    quote(text)),
        "write the path that is to be sent");
  }
  std::string storage;
  const auto canonical = http::canonical_path(text, http::EncodedSlash::keep, storage);
  if (canonical.violation != http::Violation::none) {
    return complain(fmt::format("path {} is none that a request may have: {}", quote(text),
                                http::info(canonical.violation).text),
                    "write a path that a request may have");
  }
  if (canonical.path != text) {
    return complain(fmt::format("path {} is not in its canonical form", quote(text)),
                    fmt::format("write {}", printable(canonical.path)));
  }
  return std::string(text);
}

Read<std::string> read_target(std::string_view text) {
  const std::size_t mark = std::min(text.find('?'), text.size());
  const std::string_view query = text.substr(mark);
  auto path = read_path(text.substr(0, mark));
  if (!path || query.empty()) return path;
  if (text.size() > kLongestPath) {
    return beyond(fmt::format("{} is longer than {} bytes", quote(text), kLongestPath),
                  "write a shorter query");
  }
  const auto good = [](char c) { return c > 0x20 && c < 0x7F && c != '#'; };
  if (!std::all_of(query.begin(), query.end(), good)) {
    return complain(fmt::format("{} holds what no query may", quote(text)),
                    "write it as it is sent: a space as %20, # as %23");
  }
  return std::string(text);
}

Read<PathPattern> read_path_pattern(std::string_view text) {
  PathPattern pattern{.kind = RouteMatch::PathKind::exact, .path = {}};
  std::string_view path = text;
  if (text.ends_with("/*")) {
    pattern.kind = RouteMatch::PathKind::prefix;
    path = text.size() == 2 || text == "//*" ? text.substr(0, text.size() - 1)
                                             : text.substr(0, text.size() - 2);
  }
  if (path.starts_with('/') && path.find('*') != std::string_view::npos) {
    const std::string_view before = path.substr(0, path.find('*'));
    return complain(fmt::format("{} has a * that is no last segment of its own", quote(text)),
                    fmt::format("write {}{}* for all below", printable(before),
                                before.ends_with('/') ? "" : "/"));
  }
  if (path.starts_with('~') || path.starts_with('^')) {
    return complain(fmt::format("{} is a regular expression; paths are literal", quote(text)),
                    "write a path, or a path and /* for all below");
  }
  auto read = read_matched_path(path);
  if (!read) return std::unexpected(std::move(read.error()));
  if (pattern.kind == RouteMatch::PathKind::prefix && path.size() > 1 && path.ends_with('/')) {
    return never(
        fmt::format("path {} matches nothing: requests have no empty segments", quote(text)),
        fmt::format("write {}*", printable(path)));
  }
  pattern.path = std::move(*read);
  return pattern;
}

Read<std::string> read_name(std::string_view text) {
  const auto good = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  };
  if (!text.empty() && text.size() <= kLongestName && (is_letter(text[0]) || is_digit(text[0])) &&
      std::all_of(text.begin(), text.end(), good)) {
    return std::string(text);
  }
  return complain(
      fmt::format("{} is not a name", quote(text)),
      fmt::format(
          "a name has 1 to {} letters, digits, '-', '_' or '.', and begins with a letter or digit",
          kLongestName));
}

Read<std::string> read_method(std::string_view text) {
  if (text.empty() || text.size() > 32 || !std::all_of(text.begin(), text.end(), is_token_char)) {
    return complain(fmt::format("{} is not a method", quote(text)), "write GET, POST and so on");
  }
  if (text == "CONNECT") {
    return never("CONNECT is refused before routes are asked", "leave it out");
  }
  const std::string folded = lower_case(text);
  for (const std::string_view known :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    if (folded == lower_case(known) && text != known) {
      return never(fmt::format("{} matches nothing: methods are case-sensitive", quote(text)),
                   fmt::format("write {}", known));
    }
  }
  return std::string(text);
}

Read<std::string> read_header_name(std::string_view text) {
  if (!text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), is_token_char))
    return std::string(text);
  return complain(fmt::format("{} is not a header name", quote(text)),
                  "a header name has letters, digits and '-', such as X-Api-Key");
}

Read<std::string> read_token(std::string_view text) {
  if (!text.empty() && text.size() <= kLongestName &&
      std::all_of(text.begin(), text.end(), is_token_char))
    return std::string(text);
  return complain(fmt::format("{} is not a token of HTTP", quote(text)),
                  fmt::format("write 1 to {} letters, digits, '-', '_' or '.'", kLongestName));
}

Read<std::string> read_header_value(std::string_view text) {
  const auto good = [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  };
  if (text.size() > kLongestValue) {
    return beyond(fmt::format("a header value of {} bytes", text.size()),
                  fmt::format("write at most {} bytes", kLongestValue));
  }
  if (!std::all_of(text.begin(), text.end(), good)) {
    return complain(
        fmt::format("{} holds a line end or a control byte, which no header may", quote(text)),
        "write it on one line");
  }
  if (!text.empty() &&
      (text.front() == ' ' || text.back() == ' ' || text.front() == '\t' || text.back() == '\t')) {
    return complain(
        fmt::format("{} begins or ends with a space, which is not part of a header", quote(text)),
        "leave the space out");
  }
  return std::string(text);
}

Read<std::string> read_word(std::string_view text) {
  const auto good = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; };
  if (!text.empty() && text.size() <= kLongestWord && std::all_of(text.begin(), text.end(), good))
    return std::string(text);
  return complain(fmt::format("{} is not a single word", quote(text)),
                  fmt::format("write 1 to {} characters without spaces", kLongestWord));
}

std::string print_path_pattern(const PathPattern& value) {
  if (value.kind == RouteMatch::PathKind::exact) return value.path;
  return value.path == "/" ? "/*" : value.path + "/*";
}

}  // namespace weir::config
