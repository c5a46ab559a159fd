// AWS load balancers. Application (ALB): 29 fields or more, what is behind those that are used is
// not looked at; classic (ELB): 12 to 15. Both print the time of the response and three durations
// in seconds (-1: no target), whose sum is the whole. The URL is absolute, with its port.
// CloudFront standard logs: 33 columns divided by tabs, # lines at the top. Source:
// docs.aws.amazon.com, "Access log entries"; a `"` in a value is escaped \x22 there.
#include <utility>

#include "foreign/recipe.h"

namespace weir::foreign {

namespace {

// Older lines end behind the request.
Result<Layout> elb_layout(const FormatOptions& options, bool agent) {
  LayoutBuilder builder(options.fields);
  builder.field({"time", Slot::time_iso})
      .literal(" ")
      .field({"elb"})
      .literal(" ")
      .field({"client:port", Slot::client}, Escape::none, "client")
      .literal(" ")
      .field({"backend:port", Slot::upstream}, Escape::none, "backend")
      .literal(" ")
      .field({"request_processing_time", Slot::duration_part_s})
      .literal(" ")
      .field({"backend_processing_time", Slot::elb_target_time})
      .literal(" ")
      .field({"response_processing_time", Slot::duration_part_s})
      .literal(" ")
      .field({"elb_status_code", Slot::status})
      .literal(" ")
      .field({"backend_status_code"})
      .literal(" ")
      .field({"received_bytes", Slot::bytes_in})
      .literal(" ")
      .field({"sent_bytes", Slot::bytes_out})
      .literal(" \"")
      .field({"request", Slot::request}, Escape::backslash);
  if (agent) builder.literal("\" \"").field({"user_agent", Slot::agent}, Escape::backslash);
  return builder.literal("\"").open_end().time_is_end(true).build();
}

}  // namespace

Result<Recipe> recipe_alb(std::string_view, const FormatOptions& options) {
  LayoutBuilder builder(options.fields);
  auto layout = builder.field({"type"})
                    .literal(" ")
                    .field({"time", Slot::time_iso})
                    .literal(" ")
                    .field({"elb"})
                    .literal(" ")
                    .field({"client:port", Slot::client}, Escape::none, "client")
                    .literal(" ")
                    .field({"target:port", Slot::upstream}, Escape::none, "target")
                    .literal(" ")
                    .field({"request_processing_time", Slot::duration_part_s})
                    .literal(" ")
                    .field({"target_processing_time", Slot::elb_target_time})
                    .literal(" ")
                    .field({"response_processing_time", Slot::duration_part_s})
                    .literal(" ")
                    .field({"elb_status_code", Slot::status})
                    .literal(" ")
                    .field({"target_status_code"})
                    .literal(" ")
                    .field({"received_bytes", Slot::bytes_in})
                    .literal(" ")
                    .field({"sent_bytes", Slot::bytes_out})
                    .literal(" \"")
                    .field({"request", Slot::request}, Escape::backslash)
                    .literal("\" \"")
                    .field({"user_agent", Slot::agent}, Escape::backslash)
                    .literal("\" ")
                    .field({"ssl_cipher"})
                    .literal(" ")
                    .field({"ssl_protocol"})
                    .literal(" ")
                    .field({"target_group_arn"})
                    .literal(" \"")
                    .field({"trace_id", Slot::request_id}, Escape::backslash)
                    .literal("\"")
                    .open_end()
                    .time_is_end(true)
                    .build();
  return recipe_of("AWS ALB", options, {std::move(layout)});
}

Result<Recipe> recipe_elb(std::string_view, const FormatOptions& options) {
  return recipe_of("AWS classic ELB", options,
                   {elb_layout(options, true), elb_layout(options, false)});
}

Result<Recipe> recipe_cloudfront(std::string_view, const FormatOptions& options) {
  auto recipe = recipe_tsv(
      "end=#1+#2,client=#5,method=#6,host=#16,path=#8,status=#9,referer=#10,agent=#11,query=#12,id="
      "#15,"
      "bytes_in=#18,duration=#19,forwarded_for=#20,protocol=#24,bytes=#4",
      options);
  if (recipe) {
    recipe->name = "AWS CloudFront";
    recipe->zone = Nanos(0);
    recipe->utc = true;
  }
  return recipe;
}

}  // namespace weir::foreign
