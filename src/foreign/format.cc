#include "foreign/format.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/json.h"
#include "fmt/core.h"
#include "foreign/csv_header.h"
#include "foreign/line_parser.h"
#include "foreign/log_reader.h"
#include "foreign/printable.h"
#include "foreign/recipe.h"
#include "foreign/times.h"

namespace weir::foreign {
namespace {

struct Row {
  std::string_view name;
  MakeRecipe make;
  bool wants_text = false;  // nothing without what stands behind the colon
};

// In the order of preference: of two that fit as many lines the more special one stands first.
constexpr std::array kFormats = {
    Row{"traefik", recipe_traefik},
    Row{"nginx", recipe_nginx},
    Row{"apache", recipe_apache},
    Row{"nginx-proxy-manager", recipe_nginx_proxy_manager},
    Row{"istio", recipe_istio},
    Row{"envoy", recipe_envoy},
    Row{"envoy-gateway", recipe_envoy_gateway},
    Row{"haproxy", recipe_haproxy},
    Row{"alb", recipe_alb},
    Row{"elb", recipe_elb},
    Row{"cloudfront", recipe_cloudfront},
    Row{"caddy", recipe_caddy},
    Row{"traefik-json", recipe_traefik_json},
    Row{"nginx-json", recipe_nginx_json},
    Row{"csv", recipe_csv, true},
    Row{"tsv", recipe_tsv, true},
};

Format format_of(Recipe recipe) {
  Format format{.name = recipe.name, .recipe = nullptr};
  format.recipe = std::make_shared<const Recipe>(std::move(recipe));
  return format;
}

std::string shown(std::string_view line) {
  constexpr std::size_t kShown = 120;
  std::string text(std::min(line.size(), kShown) * kJsonEscapeFactor, '\0');
  text.resize(
      static_cast<std::size_t>(escape_json(text.data(), line.substr(0, kShown)) - text.data()));
  return line.size() > kShown ? text + "…" : text;
}

std::vector<std::string_view> first_lines(std::string_view head) {
  std::vector<std::string_view> lines;
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  while (!head.empty() && lines.size() < kRecogniseLines) {
    const std::size_t newline = head.find('\n');
    if (newline == std::string_view::npos && !lines.empty()) break;  // it may be cut
    std::string_view line = head.substr(0, newline);
    head.remove_prefix(newline == std::string_view::npos ? head.size() : newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && line.size() <= kMaxLine) lines.push_back(line);
  }
  return lines;
}

// Traefik's CLF is read by the plain CLF layout too, and the other way round: only lines with all
// it adds tell it apart.
std::size_t fits(const Format& format, std::span<const std::string_view> lines, bool exact) {
  LineParser parser(format.recipe);
  std::size_t count = 0;
  LogEntry entry;
  for (const std::string_view line : lines) {
    if (parser.parse(line, entry)) continue;
    if (exact && !entry.duration) continue;
    ++count;
  }
  return count;
}

bool looks_binary(std::string_view head) {
  const std::string_view sample = head.substr(0, 4096);
  const auto odd = std::count_if(sample.begin(), sample.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\x1b';  // colours are text
  });
  return static_cast<std::size_t>(odd) * 12 > sample.size();  // evenly spread bytes have 11 %
}

std::unexpected<Error> nothing_fits(std::string_view head,
                                    std::span<const std::string_view> lines) {
  const auto wrong = [](std::string why) {
    return fail(ErrorKind::invalid, std::move(why), Origin::config);
  };
  if (head.empty()) return wrong("the log is empty");
  if (looks_binary(head))
    return wrong(
        "this is no text: binary bytes, or packed in a way that is not known (gz, xz and zst are)");
  if (lines.empty()) return wrong("no line of at most 64 KiB in the first bytes of the log");
  const std::string_view line = lines.front();
  if (line.find(" [error] ") != std::string_view::npos ||
      line.find(" [warn] ") != std::string_view::npos) {
    return wrong(fmt::format("this is an error log of nginx, not an access log: {}", shown(line)));
  }
  const std::size_t commas = static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
  const std::string hint =
      line.starts_with('{') ? "JSON without a time and a client under a name that is known: "
                              "--field client=NAME, or nginx:TEXT"
      : commas >= 3         ? "this may be CSV: --log-format csv:client=COLUMN,time=COLUMN"
                            : "if it is an nginx log_format or an Apache LogFormat: --log-format "
                              "nginx:TEXT or apache:TEXT";
  return wrong(fmt::format("no known log format fits the first {} lines; the first is: {}; {}",
                           lines.size(), shown(line), hint));
}

Result<Format> made(const Row& row, std::string_view text, const FormatOptions& options) {
  if (options.fields.size() > kMaxFieldMaps)
    return fail(ErrorKind::too_large, fmt::format("more than {} --field", kMaxFieldMaps),
                Origin::config);
  auto recipe = row.make(text, options);
  if (!recipe) return std::unexpected(std::move(recipe).error());
  return format_of(*std::move(recipe));
}

}  // namespace

Result<FormatOptions> format_options(const std::vector<std::string>& fields,
                                     std::string_view zone) {
  FormatOptions options;
  for (const std::string& field : fields) {
    auto map = parse_field_map(field);
    if (!map) return std::unexpected(map.error());
    options.fields.push_back(std::move(*map));
  }
  const auto east = zone.empty() ? std::optional(Nanos(0)) : read_zone(zone);
  if (!east)
    return fail(ErrorKind::invalid,
                fmt::format("--zone {}: want +09:00, -0530 or UTC", printable(zone)),
                Origin::config);
  options.zone = *east;
  return options;
}

Result<Format> format_named(std::string_view text, const FormatOptions& options) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  for (const Row& row : kFormats) {
    if (row.name != name) continue;
    const std::string_view behind =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (behind.empty() && row.wants_text)
      return fail(ErrorKind::invalid,
                  fmt::format("{0}: which columns? {0}:client=ip,time=date+time", name),
                  Origin::config);
    return made(row, behind, options);
  }
  if (text.find("$remote_addr") != std::string_view::npos ||
      text.find("log_format") != std::string_view::npos) {
    return made(kFormats[1], text, options);
  }
  if (text.find("%h") != std::string_view::npos || text.find("%a") != std::string_view::npos ||
      text.starts_with("LogFormat")) {
    return made(kFormats[2], text, options);
  }
  std::string names;
  for (const Row& row : kFormats)
    names +=
        fmt::format("{}{}{}", names.empty() ? "" : ", ", row.name, row.wants_text ? ":MAP" : "");
  return fail(
      ErrorKind::not_found,
      fmt::format(
          "\"{}\" is no log format; there are auto, {}, nginx:LOG_FORMAT and apache:LOGFORMAT",
          shown(text), names),
      Origin::config);
}

std::vector<std::string_view> format_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kFormats) {
    if (!row.wants_text) names.push_back(row.name);
  }
  return names;
}

std::string Recognised::reason() const {
  return fmt::format("{}: {} of {} lines", format.name, fits, of);
}

Result<Recognised> recognise(std::string_view head, const FormatOptions& options) {
  const std::vector<std::string_view> lines = first_lines(head.substr(0, kRecogniseBytes));
  Recognised best;
  std::optional<Error> wrong;  // of the best one, when a --field does not fit it
  for (const Row& row : kFormats) {
    std::string map;  // of a CSV: by the names in its first line
    if (row.wants_text) {
      if (!lines.empty())
        map = csv_map_of_header(lines.front(), row.make == recipe_tsv ? '\t' : ',');
      if (map.empty()) continue;
    }
    auto format = made(row, map, options);
    std::optional<Error> error;
    if (!format) {
      error = std::move(format).error();
      format = made(row, map, {.fields = {}, .zone = options.zone});
      if (!format) continue;
    }
    const std::size_t count = fits(*format, lines, row.make == recipe_traefik);
    if (count <= best.fits) continue;
    best = {.format = *std::move(format), .fits = count, .of = lines.size()};
    wrong = std::move(error);
  }
  if (best.fits == 0 || best.fits * 10 < lines.size()) return nothing_fits(head, lines);
  if (wrong) return std::unexpected(*std::move(wrong));
  return best;
}

}  // namespace weir::foreign
