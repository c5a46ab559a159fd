// What the first byte of an input of foreign_fuzz chooses: a format by its number among
// format_names, then one of these texts with --field, so that mapping is reached in each family;
// and three ways that are no format. Shared with the test that every reader has a seed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "foreign/format.h"

namespace weir::foreign {

struct FuzzedFormat {
  static constexpr std::uint8_t kChoices = 32;
  static constexpr std::uint8_t kTextFirst = 29;  // the text of a format, a line end, then lines
  static constexpr std::uint8_t kPacked = 30, kRecognised = 31;
  static constexpr std::array<std::string_view, 6> kTexts = {
      "nginx:$remote_addr \"$tenant\" [$time_local] \"$request\" $request_time "
      "$upstream_response_time \"$ip\"",
      "nginx:{\"t\":\"$msec\",\"tenant\":\"$tenant\",\"a\":{\"ip\":\"$remote_addr\"}}",
      "apache:%h [%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t] \"%r\" \"%{tenant}i\" \"%{ip}i\"",
      "csv:time=date+time,client=ip,request=r,status=#5",
      "tsv:time=#1,client=#2,path=#3,query=#4",
      "caddy",
  };

  static FormatOptions options() {
    FormatOptions result;
    result.fields = {{.kind = FactKind::header, .name = "X-T", .field = "tenant"},
                     {.kind = FactKind::client, .name = "", .field = "ip"}};
    return result;
  }
  static Result<Format> chosen(std::uint8_t choice) {
    const auto names = format_names();
    if (choice < names.size()) return format_named(names[choice], {});
    return format_named(kTexts[(choice - names.size()) % kTexts.size()], options());
  }
};

}  // namespace weir::foreign
