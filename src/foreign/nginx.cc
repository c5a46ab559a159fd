// nginx: combined, any log_format by its text, JSON by the names of its variables. Variables as
// documented at nginx.org/en/docs/varindex.html; what is unknown is read past and may be named by
// --field.
//   log_format a '$remote_addr [$time_local] "$request" $request_time';
//   log_format a escape=json '{"t":"$msec"}';
// Times are those of the end of a request: nginx logs then, and $time_local is now.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foreign/recipe.h"

namespace weir::foreign {
namespace {

constexpr std::array kVariables = {
    KnownField{"msec", Slot::time_s, 3},
    KnownField{"time_iso8601", Slot::time_iso, 2},
    KnownField{"time_local", Slot::time_clf, 1},
    KnownField{"remote_addr", Slot::client, 3},
    KnownField{"remote_user", Slot::user},
    KnownField{"request", Slot::request},
    KnownField{"request_method", Slot::method},
    KnownField{"request_uri", Slot::target, 3},
    KnownField{"uri", Slot::path},
    KnownField{"document_uri", Slot::path},
    KnownField{"args", Slot::query},
    KnownField{"query_string", Slot::query},
    KnownField{"server_protocol", Slot::protocol},
    KnownField{"http_host", Slot::host, 3},
    KnownField{"host", Slot::host, 2},
    KnownField{"server_name", Slot::host, 1},
    KnownField{"status", Slot::status},
    KnownField{"body_bytes_sent", Slot::bytes_out, 2},
    KnownField{"bytes_sent", Slot::bytes_out, 1},
    KnownField{"request_length", Slot::bytes_in},
    KnownField{"request_time", Slot::duration_s},
    KnownField{"upstream_response_time", Slot::upstream_s},
    KnownField{"upstream_addr", Slot::upstream},
    KnownField{"http_referer", Slot::referer},
    KnownField{"http_user_agent", Slot::agent},
    KnownField{"request_id", Slot::request_id, 2},
    KnownField{"http_x_request_id", Slot::request_id, 1},
    KnownField{"http_x_forwarded_for", Slot::forwarded_for, 2},
    KnownField{"proxy_add_x_forwarded_for", Slot::forwarded_for, 1},
};

// What people call the same things in JSON, where its meaning is beyond doubt. A duration without a
// unit is not.
constexpr std::array kJsonNames = {
    KnownField{"@timestamp", Slot::time_any, 2},
    KnownField{"timestamp", Slot::time_any, 1},
    KnownField{"time", Slot::time_any, 1},
    KnownField{"date", Slot::time_any, 1},
    KnownField{"ts", Slot::time_any, 1},
    KnownField{"client_ip", Slot::client, 2},
    KnownField{"clientip", Slot::client, 2},
    KnownField{"client", Slot::client, 2},
    KnownField{"remote_ip", Slot::client, 2},
    KnownField{"ip", Slot::client, 1},
    KnownField{"user", Slot::user},
    KnownField{"method", Slot::method},
    KnownField{"verb", Slot::method},
    KnownField{"url", Slot::target, 1},
    KnownField{"path", Slot::path},
    KnownField{"query", Slot::query},
    KnownField{"protocol", Slot::protocol},
    KnownField{"status_code", Slot::status},
    KnownField{"size", Slot::bytes_out},
    KnownField{"referer", Slot::referer},
    KnownField{"referrer", Slot::referer},
    KnownField{"http_referrer", Slot::referer},
    KnownField{"user_agent", Slot::agent},
    KnownField{"agent", Slot::agent},
    KnownField{"x_forwarded_for", Slot::forwarded_for},
    KnownField{"upstream", Slot::upstream},
};

KnownField variable(std::string_view name) {
  const auto* const found = std::find_if(kVariables.begin(), kVariables.end(),
                                         [&](const KnownField& f) { return f.name == name; });
  return found == kVariables.end() ? KnownField{name, Slot::none} : *found;
}

struct LogFormat {
  std::string text;
  Escape escape = Escape::backslash;
};

// As in nginx.conf (name, escape=, several quoted pieces, a semicolon), or the string alone.
LogFormat log_format(std::string_view text) {
  LogFormat result;
  const auto trim = [&] {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    text = from == std::string_view::npos ? std::string_view() : text.substr(from);
    while (!text.empty() &&
           std::string_view(" \t\r\n;").find(text.back()) != std::string_view::npos)
      text.remove_suffix(1);
  };
  const auto bare_word = [&] {
    const std::size_t space = std::min(text.find_first_of(" \t\r\n"), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space);
    trim();
    return word;
  };
  trim();
  if (text.starts_with("log_format ")) {
    (void)bare_word();
    (void)bare_word();  // its name
  }
  if (text.starts_with("escape=")) {
    const std::string_view mode = bare_word();
    result.escape = mode == "escape=json"   ? Escape::json
                    : mode == "escape=none" ? Escape::none
                                            : Escape::backslash;
  }
  const char quote = text.empty() ? '\0' : text.front();
  // A string that begins with a quote of its own ("$request" …) is not one that is put in quotes.
  if (quote != '\'' &&
      (quote != '"' || text.back() != '"' || text.find(" $") != std::string_view::npos)) {
    result.text = text;
    return result;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char open = text[i];
    if (open != '\'' && open != '"') continue;  // between the pieces
    for (++i; i < text.size() && text[i] != open; ++i) {
      if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == open || text[i + 1] == '\\'))
        ++i;
      result.text += text[i];
    }
  }
  return result;
}

// $name or ${name} at the front of `text`, taken off; empty when it is a lone $.
std::string_view take_variable(std::string_view& text) {
  text.remove_prefix(1);
  const bool braces = text.starts_with('{');
  if (braces) text.remove_prefix(1);
  std::size_t size = 0;
  while (size < text.size() &&
         ((text[size] >= 'a' && text[size] <= 'z') || (text[size] >= 'A' && text[size] <= 'Z') ||
          (text[size] >= '0' && text[size] <= '9') || text[size] == '_')) {
    ++size;
  }
  const std::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  if (braces && text.starts_with('}')) text.remove_prefix(1);
  return name;
}

Result<Layout> layout_of(const LogFormat& format, const FormatOptions& options) {
  LayoutBuilder builder(options.fields);
  builder.time_is_end(true);
  std::string_view rest = format.text;
  while (!rest.empty()) {
    const std::size_t dollar = std::min(rest.find('$'), rest.size());
    builder.literal(rest.substr(0, dollar));
    rest.remove_prefix(dollar);
    if (rest.empty()) break;
    if (const std::string_view name = take_variable(rest); !name.empty()) {
      builder.field(variable(name), format.escape);
    } else {
      builder.literal("$");
    }
  }
  return builder.build();
}

// What a string of a JSON template is filled with: one variable; or a request line in its parts;
// anything else is no fact of ours, and nothing where no variable is in it.
std::optional<KnownField> known_value(std::string_view text) {
  std::string plain;
  std::string_view name;
  for (std::size_t variables = 0; !text.empty();) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    plain += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const std::string_view each = take_variable(text);
    plain += '$';
    plain += each;
    name = ++variables == 1 ? each : std::string_view();
  }
  if (plain.find('$') == std::string::npos) return std::nullopt;
  if (plain == "$request_method $request_uri" ||
      plain == "$request_method $request_uri $server_protocol")
    return variable("request");
  if (plain != "$" + std::string(name) && plain != "[$time_local]") return KnownField{};
  return variable(name);
}

// {"time":"$time_iso8601","c":{"ip":"$remote_addr"}}: the path of each variable.
std::vector<JsonRow> rows_of_template(std::string_view text, const FieldMaps& maps) {
  std::vector<JsonRow> rows;
  std::vector<std::string> prefixes;
  std::string key;
  const auto add = [&](KnownField known) {
    if (known.slot == Slot::time_clf) known.slot = Slot::time_any;  // "[$time_local]" as well
    JsonRow row{.path = prefixes.back() + key, .slot = known.slot, .rank = known.rank};
    row.maps = maps_of(maps, known.name) | maps_of(maps, row.path);
    if (std::none_of(rows.begin(), rows.end(),
                     [&](const JsonRow& r) { return r.path == row.path; }))
      rows.push_back(row);
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool value = !key.empty() && !prefixes.empty();
    if (text[i] == '{') {
      prefixes.push_back(prefixes.empty() ? "" : prefixes.back() + key + ".");
    } else if (text[i] == '}') {
      if (!prefixes.empty()) prefixes.pop_back();
    } else if (text[i] == '$' && value) {
      std::string_view rest = text.substr(i);
      const std::string_view name = take_variable(rest);
      i = text.size() - rest.size() - 1;
      add(variable(name));
    } else if (text[i] == '"') {
      const std::size_t close = text.find('"', i + 1);
      if (close == std::string_view::npos) break;
      if (text.find_first_not_of(' ', close + 1) == text.find(':', close + 1) &&
          text.find(':', close + 1) != std::string_view::npos) {
        key = text.substr(i + 1, close - i - 1);
      } else if (const auto known = known_value(text.substr(i + 1, close - i - 1));
                 known && value) {
        add(*known);
      }
      i = close;
    }
  }
  return rows;
}

}  // namespace

Result<Recipe> recipe_nginx(std::string_view text, const FormatOptions& options) {
  if (text.empty())
    return recipe_of("nginx combined", options, {clf_layout(options, Escape::backslash, true)});
  const LogFormat format = log_format(text);
  if (!format.text.starts_with('{'))
    return recipe_of("nginx log_format", options, {layout_of(format, options)});
  Recipe recipe{.name = "nginx JSON log_format", .maps = options.fields, .zone = options.zone};
  std::vector<JsonRow> rows = rows_of_template(format.text, options.fields);
  const auto has = [&](auto... slots) {
    return std::any_of(rows.begin(), rows.end(),
                       [&](const JsonRow& row) { return ((row.slot == slots) || ...); });
  };
  const bool client = std::any_of(options.fields.begin(), options.fields.end(),
                                  [](const FieldMap& m) { return m.kind == FactKind::client; });
  if (!has(Slot::time_any, Slot::time_iso, Slot::time_s))
    return fail(ErrorKind::invalid, "nginx JSON log_format: no field holds the time of the request",
                Origin::config);
  if (!has(Slot::client) && !client)
    return fail(ErrorKind::invalid,
                "nginx JSON log_format: no field holds the client; if one does under another name: "
                "--field client=NAME",
                Origin::config);
  recipe.json = JsonTable(std::move(rows), true);
  return recipe;
}

Result<Recipe> recipe_nginx_json(std::string_view, const FormatOptions& options) {
  std::vector<KnownField> known(kVariables.begin(), kVariables.end());
  for (KnownField& field : known) {
    if (field.slot == Slot::time_clf || field.slot == Slot::time_iso || field.slot == Slot::time_s)
      field.slot = Slot::time_any;
    if (field.name == "uri")
      field = {"uri", Slot::target, 2};  // in JSON it is as often the whole target
  }
  known.insert(known.end(), kJsonNames.begin(), kJsonNames.end());
  Recipe recipe{.name = "nginx JSON", .maps = options.fields, .zone = options.zone};
  recipe.json = json_table(std::move(known), options.fields, true);
  return recipe;
}

// Its conf.d/include/log.conf: log_format proxy and standard; the error pages and the default site
// log combined.
Result<Recipe> recipe_nginx_proxy_manager(std::string_view, const FormatOptions& options) {
  const LogFormat proxy{
      "[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme "
      "$host "
      "\"$request_uri\" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] "
      "[Sent-to $server] \"$http_user_agent\" \"$http_referer\""};
  const LogFormat standard{
      "[$time_local] $status - $request_method $scheme $host \"$request_uri\" [Client "
      "$remote_addr] "
      "[Length $body_bytes_sent] [Gzip $gzip_ratio] \"$http_user_agent\" \"$http_referer\""};
  return recipe_of("nginx proxy manager", options,
                   {layout_of(proxy, options), layout_of(standard, options),
                    clf_layout(options, Escape::backslash, true)});
}

}  // namespace weir::foreign
