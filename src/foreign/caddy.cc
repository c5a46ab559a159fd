// Caddy's structured access log (logger http.log.access…): JSON, `ts` in seconds since 1970 with
// decimals (or ISO, as time_format says), written at the end of a request; duration in seconds or
// as Go prints it (duration_format). Other loggers write to the same stream; their lines have no
// request. A status of 0 is there when nothing was sent.
#include "foreign/recipe.h"

namespace weir::foreign {

Result<Recipe> recipe_caddy(std::string_view, const FormatOptions& options) {
  Recipe recipe{.name = "Caddy JSON", .maps = options.fields, .zone = options.zone};
  recipe.json = json_table({{"ts", Slot::time_any},
                            {"request.client_ip", Slot::client, 3},
                            {"request.remote_ip", Slot::client, 2},
                            {"request.remote_addr", Slot::client, 1},
                            {"request.proto", Slot::protocol},
                            {"request.method", Slot::method},
                            {"request.host", Slot::host},
                            {"request.uri", Slot::target},
                            {"request.headers.User-Agent", Slot::agent},
                            {"request.headers.Referer", Slot::referer},
                            {"request.headers.X-Forwarded-For", Slot::forwarded_for},
                            {"request.headers.X-Request-Id", Slot::request_id},
                            {"bytes_read", Slot::bytes_in},
                            {"user_id", Slot::user},
                            {"duration", Slot::duration_go_s},
                            {"size", Slot::bytes_out},
                            {"status", Slot::status}},
                           options.fields, true);
  return recipe;
}

}  // namespace weir::foreign
