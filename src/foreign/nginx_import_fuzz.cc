// Any bytes as nginx.conf, includes answered with the same text a few times: never a crash or an
// endless loop; what is shown has no control bytes; every directive is spoken of.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "foreign/nginx_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::foreign;
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto conf = NginxConf::read({.name = "fuzz.conf", .text = text});
  if (!conf) return 0;
  for (int given = 0; conf->need(); ++given) {
    if (given >= 3)
      conf->give_up("enough");
    else if (!conf->supply({{.name = "more.conf", .text = text}}))
      return 0;
  }
  const auto made = import_nginx(*conf, "");
  if (!made) return 0;
  const auto harmless = [](const std::string& out) {
    return std::ranges::none_of(out, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\n') || byte == 0x7F;
    });
  };
  WEIR_CHECK(harmless(render_import_text(made->report, "")));
  WEIR_CHECK(harmless(render_import_json(made->report, "")));
  WEIR_CHECK(harmless(made->yaml));
  WEIR_CHECK(!made->report.lines.empty());
  return 0;
}
