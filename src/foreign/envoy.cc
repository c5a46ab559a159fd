// Envoy, Istio, Envoy Gateway. Shapes: envoyproxy.io, "Access logging", default format strings;
// Istio's adds fields in two places; Envoy Gateway writes JSON with the keys of its default. Times
// are the start of a request, milliseconds. Text is not escaped: a value with `" "` in it ends
// early.
#include <utility>
#include <vector>

#include "foreign/recipe.h"

namespace weir::foreign {
namespace {

Result<Layout> text_layout(const FormatOptions& options, bool istio) {
  LayoutBuilder builder(options.fields);
  builder.literal("[")
      .field({"start_time", Slot::time_iso})
      .literal("] \"")
      .field({"request", Slot::request})
      .literal("\" ")
      .field({"response_code", Slot::status})
      .literal(" ")
      .field({"response_flags"});
  if (istio) {
    builder.literal(" ")
        .field({"response_code_details"})
        .literal(" ")
        .field({"connection_termination_details"})
        .literal(" \"")
        .field({"upstream_transport_failure_reason"})
        .literal("\"");
  }
  builder.literal(" ")
      .field({"bytes_received", Slot::bytes_in})
      .literal(" ")
      .field({"bytes_sent", Slot::bytes_out})
      .literal(" ")
      .field({"duration", Slot::duration_ms})
      .literal(" ")
      .field({"x-envoy-upstream-service-time", Slot::upstream_ms})
      .literal(" \"")
      .field({"x-forwarded-for", Slot::client_list, 1})
      .literal("\" \"")
      .field({"user-agent", Slot::agent})
      .literal("\" \"")
      .field({"x-request-id", Slot::request_id})
      .literal("\" \"")
      .field({":authority", Slot::host})
      .literal("\" \"")
      .field({"upstream_host", Slot::upstream})
      .literal("\"");
  if (istio) {
    builder.literal(" ")
        .field({"upstream_cluster"})
        .literal(" ")
        .field({"upstream_local_address"})
        .literal(" ")
        .field({"downstream_local_address"})
        .literal(" ")
        .field({"downstream_remote_address", Slot::client, 2})
        .literal(" ")
        .field({"requested_server_name"})
        .literal(" ")
        .field({"route_name", Slot::route});
  }
  return builder.build();
}

std::vector<KnownField> json_fields() {
  return {{"start_time", Slot::time_iso},
          {"method", Slot::method},
          {"x-envoy-origin-path", Slot::target, 2},
          {"path", Slot::target, 1},
          {"protocol", Slot::protocol},
          {"response_code", Slot::status},
          {"bytes_received", Slot::bytes_in},
          {"bytes_sent", Slot::bytes_out},
          {"duration", Slot::duration_ms},
          {"x-envoy-upstream-service-time", Slot::upstream_ms},
          {"upstream_service_time", Slot::upstream_ms},
          {"x-forwarded-for", Slot::forwarded_for},
          {"user-agent", Slot::agent},
          {"user_agent", Slot::agent},
          {"x-request-id", Slot::request_id},
          {"request_id", Slot::request_id},
          {":authority", Slot::host},
          {"authority", Slot::host},
          {"upstream_host", Slot::upstream},
          {"downstream_remote_address", Slot::client, 2},
          {"route_name", Slot::route}};
}

}  // namespace

Result<Recipe> recipe_envoy(std::string_view, const FormatOptions& options) {
  return recipe_of("Envoy", options, {text_layout(options, false)});
}

Result<Recipe> recipe_istio(std::string_view, const FormatOptions& options) {
  return recipe_of("Istio", options, {text_layout(options, true)});
}

// Its pods also write the text format, where a proxy was told so.
Result<Recipe> recipe_envoy_gateway(std::string_view, const FormatOptions& options) {
  Recipe recipe{.name = "Envoy Gateway JSON", .maps = options.fields, .zone = options.zone};
  if (auto text = text_layout(options, false)) recipe.layouts.push_back(*std::move(text));
  recipe.json = json_table(json_fields(), options.fields, false);
  return recipe;
}

}  // namespace weir::foreign
