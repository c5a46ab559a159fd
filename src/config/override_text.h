// What an override does, as words:
//
//   cap caller NAME RATE [burst N]        acme, acme-*; burst left out: two seconds of the rate;
//                                         who is named by an address is a net
//   cap net NET RATE [burst N]            10.0.0.0/8: all of it together
//   block caller NAME | block net NET
//   drain endpoint ADDRESS [of UPSTREAM]  left out: of each upstream that names it
//   weigh endpoint ADDRESS N [of UPSTREAM]
//   observe limit NAME
//   scale limit NAME FACTOR               2, 0.5: 0.001 to 100
//   shed priority sheddable | shed priority normal
//   pause route NAME
//
// Reading what `override_text` wrote gives the same. Whether what is named is there is
// config/overlay.h's business.
#pragma once

#include <string>
#include <string_view>

#include "config/values.h"
#include "model/override.h"

namespace weir::config {

Read<OverrideWhat> read_override(std::string_view text);
std::string override_text(const OverrideWhat& what);

}  // namespace weir::config
