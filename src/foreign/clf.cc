// The Common Log Format of the first web servers and what grew from it. One layout reads what nginx
// and Apache write by default and Traefik's CLF: a virtual host may stand before the client,
// referer and agent may be missing, and what stands behind them (X-Forwarded-For in `main`, Kong's
// request id) is not looked at.
#include <utility>

#include "fmt/core.h"
#include "foreign/recipe.h"

namespace weir::foreign {

Result<Layout> clf_layout(const FormatOptions& options, Escape escape, bool time_is_end) {
  LayoutBuilder builder(options.fields);
  return builder.field({"remote_addr", Slot::clf_head})
      .literal(" [")
      .field({"time_local", Slot::time_clf})
      .literal("] \"")
      .field({"request", Slot::request}, escape)
      .literal("\" ")
      .field({"status", Slot::status})
      .literal(" ")
      .field({"body_bytes_sent", Slot::bytes_out})
      .optional()
      .literal(" \"")
      .field({"http_referer", Slot::referer}, escape, "%{Referer}i")
      .literal("\" \"")
      .field({"http_user_agent", Slot::agent}, escape, "%{User-Agent}i")
      .literal("\"")
      .open_end()
      .time_is_end(time_is_end)
      .build();
}

Result<Recipe> recipe_of(std::string name, const FormatOptions& options,
                         std::vector<Result<Layout>> layouts) {
  Recipe recipe{.name = std::move(name), .maps = options.fields, .zone = options.zone};
  std::uint32_t named = 0;
  for (Result<Layout>& layout : layouts) {
    if (!layout) return wrap(std::move(layout).error(), recipe.name);
    for (const Item& item : layout->items) named |= item.maps;
    recipe.layouts.push_back(*std::move(layout));
  }
  for (std::size_t i = 0; i < options.fields.size(); ++i) {
    if ((named >> i & 1) != 0) continue;
    return fail(
        ErrorKind::invalid,
        fmt::format("--field …={0}: {1} has no field {0}", options.fields[i].field, recipe.name),
        Origin::config);
  }
  return recipe;
}

}  // namespace weir::foreign
