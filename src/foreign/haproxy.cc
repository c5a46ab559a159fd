// HAProxy, `option httplog` (configuration manual 8.2.3):
//   client:port [accept] frontend~ backend/server TR/Tw/Tc/Tr/Ta status bytes req_cookie res_cookie
//   state actconn/feconn/beconn/srvconn/retries srv_queue/backend_queue {request headers} {response
//   headers} "request"
// An IPv6 client has its port behind it without brackets: 2001:db8::17:8123 is 2001:db8::17.
// The time is that of the accept, in milliseconds and without a zone; Ta is the whole, Tr the
// server's part; -1 was not reached. The braces are there when headers are captured; what is not
// printable is written #HH (8.6). Connection errors and messages of HAProxy itself stand in the
// same stream.
#include "foreign/recipe.h"

namespace weir::foreign {

Result<Recipe> recipe_haproxy(std::string_view, const FormatOptions& options) {
  LayoutBuilder builder(options.fields);
  auto layout = builder.field({"client", Slot::client_port})
                    .literal(" [")
                    .field({"accept_date", Slot::time_clf})
                    .literal("] ")
                    .field({"frontend"})
                    .literal(" ")
                    .field({"backend", Slot::haproxy_route})
                    .literal("/")
                    .field({"server", Slot::haproxy_server})
                    .literal(" ")
                    .field({"timers", Slot::haproxy_timers})
                    .literal(" ")
                    .field({"status", Slot::status})
                    .literal(" ")
                    .field({"bytes_read", Slot::bytes_out})
                    .literal(" ")
                    .field({"captured_request_cookie"}, Escape::hash)
                    .literal(" ")
                    .field({"captured_response_cookie"}, Escape::hash)
                    .literal(" ")
                    .field({"termination_state"})
                    .literal(" ")
                    .field({"connections"})
                    .literal(" ")
                    .field({"queues_and_headers"})
                    .literal(" \"")
                    .field({"request", Slot::haproxy_request}, Escape::hash)
                    .literal("\"")
                    .build();
  auto recipe = recipe_of("HAProxy httplog", options, {std::move(layout)});
  if (recipe) recipe->requests_end_quoted = true;
  return recipe;
}

}  // namespace weir::foreign
