// Traefik: CLF with its own fields behind it, and JSON.
//   client - user [time] "METHOD path proto" status size "referer" "agent" count "router" "service
//   URL" 42ms
// The time is the start of a request (StartUTC). In CLF method and path are not escaped, quoted
// values escape `"` and nothing else; genericCLF stops behind the agent. A router may be a chain:
// "root@file -> leaf@file".
#include <utility>
#include <vector>

#include "foreign/recipe.h"

namespace weir::foreign {

Result<Recipe> recipe_traefik(std::string_view, const FormatOptions& options) {
  LayoutBuilder builder(options.fields);
  auto layout =
      builder.field({"ClientHost", Slot::client_list})
          .literal(" - ")
          .field({"ClientUsername", Slot::user})
          .literal(" [")
          .field({"StartUTC", Slot::time_clf})
          .literal("] \"")
          .field({"request", Slot::request})
          .literal("\" ")
          .field({"OriginStatus", Slot::status}, Escape::none, "DownstreamStatus")
          .literal(" ")
          .field({"OriginContentSize", Slot::bytes_out}, Escape::none, "DownstreamContentSize")
          .literal(" \"")
          .field({"request_Referer", Slot::referer}, Escape::quote)
          .literal("\" \"")
          .field({"request_User-Agent", Slot::agent}, Escape::quote)
          .literal("\" ")
          .field({"RequestCount"})
          .literal(" \"")
          .field({"RouterName", Slot::route}, Escape::quote)
          .literal("\" \"")
          .field({"ServiceURL", Slot::upstream}, Escape::quote)
          .literal("\" ")
          .field({"Duration", Slot::duration_go_ms})
          .build();
  return recipe_of("Traefik CLF", options,
                   {std::move(layout), clf_layout(options, Escape::quote, false)});
}

Result<Recipe> recipe_traefik_json(std::string_view, const FormatOptions& options) {
  Recipe recipe{.name = "Traefik JSON", .maps = options.fields, .zone = options.zone};
  recipe.json = json_table({{"StartUTC", Slot::time_iso, 2},
                            {"StartLocal", Slot::time_iso, 1},
                            {"ClientHost", Slot::client_list, 2},
                            {"ClientAddr", Slot::client, 1},
                            {"ClientUsername", Slot::user},
                            {"RequestMethod", Slot::method},
                            {"RequestPath", Slot::target},
                            {"RequestProtocol", Slot::protocol},
                            {"RequestHost", Slot::host, 1},
                            {"RequestAddr", Slot::host, 2},
                            {"RequestContentSize", Slot::bytes_in},
                            {"DownstreamStatus", Slot::status},
                            {"DownstreamContentSize", Slot::bytes_out},
                            {"Duration", Slot::duration_ns},
                            {"OriginDuration", Slot::upstream_ns},
                            {"RouterName", Slot::route},
                            {"ServiceAddr", Slot::upstream},
                            {"request_Referer", Slot::referer},
                            {"request_User-Agent", Slot::agent},
                            {"request_X-Forwarded-For", Slot::forwarded_for},
                            {"request_X-Request-Id", Slot::request_id}},
                           options.fields, false);
  return recipe;
}

}  // namespace weir::foreign
