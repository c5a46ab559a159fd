// Which log is this: named by the user (`--log-format`), or recognised from its first lines
// (`auto`, the default).
//
//   nginx             combined, also with more fields behind it (main, Kong); an own log_format by
//                     its text:
//   nginx:TEXT        the text of a log_format, as in nginx.conf or only its string; TEXT that
//                     begins with { is JSON
//   apache            common, combined, with or without a virtual host before it
//   apache:TEXT       the text of a LogFormat
//   nginx-json, caddy, traefik-json, envoy-gateway (JSON), traefik, envoy, istio, haproxy, alb,
//   elb, cloudfront, nginx-proxy-manager
//   csv:MAP, tsv:MAP  columns by name or by number: csv:client=ip,time=date+time,status=#8;
//                     recognised where its first line names the columns
// A bare TEXT with $remote_addr or %h in it is taken for nginx: or apache:.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "foreign/field_map.h"

namespace weir::foreign {

struct Recipe;  // foreign/recipe.h: how a line of this format is read

struct FormatOptions {
  FieldMaps fields;
  Nanos zone{0};  // east of UTC; for times that are written without a zone (HAProxy, error logs)
};

// Of `--field`s and `--zone` ("": UTC) as they stand on a command line.
Result<FormatOptions> format_options(const std::vector<std::string>& fields, std::string_view zone);

// Immutable and cheap to copy.
struct Format {
  std::string name;
  std::shared_ptr<const Recipe> recipe;
};

// Errors: no such name; a TEXT that no line could be read by, with the reason; a field of `--field`
// that it does not have.
Result<Format> format_named(std::string_view text, const FormatOptions& options);

// Every name that format_named takes without a TEXT, in the order in which recognition prefers
// them.
std::vector<std::string_view> format_names();

struct Recognised {
  Format format;
  std::size_t fits = 0, of = 0;  // lines looked at, blank ones not counted
  std::string reason() const;    // "nginx combined: 97 of 100 lines"
};

inline constexpr std::size_t kRecogniseLines = 100;
inline constexpr std::size_t kRecogniseBytes =
    256 * 1024;  // give as much as this, or the whole input

// `head`: the first bytes of the log, unpacked; a last line without its end is looked at only when
// it is the only one. The format that fits most lines is taken, if it fits at least one in ten:
// logs hold lines of other loggers too. Error: nothing fits; it says what was seen (an nginx error
// log, binary, no lines …) and shows the first line, its control bytes escaped.
Result<Recognised> recognise(std::string_view head, const FormatOptions& options);

}  // namespace weir::foreign
