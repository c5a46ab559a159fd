// `weir import nginx.conf`: an nginx configuration as a configuration of weir, and a report that
// says of every directive whether it is translated, approximated or not translatable, and why.
//
// weir's routes are the same on every listener, nginx's servers are not. So one file is made for
// the addresses on which the same servers answer in the same way: those of `listen`, or of the
// group with most locations that forward. Servers of other addresses are named in the report.
//
// In: a NginxConf that needs nothing any more. The text passes `weir check`. Errors: no http block,
// no server, no group with that address.
#pragma once

#include <string>

#include "base/result.h"
#include "foreign/import_report.h"
#include "foreign/nginx_conf.h"

namespace weir::foreign {

struct NginxImport {
  std::string yaml;
  ImportReport report;
};

// `listen`: an address as nginx or weir writes it; "" lets the importer choose.
Result<NginxImport> import_nginx(const NginxConf& conf, const std::string& listen);

}  // namespace weir::foreign
