#include "control/live_line.h"

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "model/cause.h"

namespace weir::control {

std::string live_line(const exporting::KeptExchange& exchange, const NameTable& names) {
  const ExchangeRecord& record = exchange.record;
  const auto milliseconds = record.arrived_wall.time_since_epoch().count() / 1'000'000;
  const auto second = milliseconds / 1000 % 86400;
  std::string line = fmt::format("{:02}:{:02}:{:02}.{:03} {} {:<4} {}  {:.1f} ms", second / 3600, second / 60 % 60, second % 60,
                                 milliseconds % 1000, record.status == 0 ? "---" : fmt::format("{}", record.status),
                                 config::printable(exchange.method), config::printable(exchange.host + exchange.path),
                                 static_cast<double>(record.total_time.count()) / 1e6);
  if (record.upstream.valid()) {
    line += fmt::format("  {} → {}", names.text(record.route), names.text(record.endpoint));
  }
  if (record.cause != Cause::none) {
    line += fmt::format("  {}", info(record.cause).name);
    if (record.rule.valid()) line += fmt::format(" by {}", names.text(record.rule));
    if (!exchange.detail.empty()) line += fmt::format(" ({})", config::printable(exchange.detail));
  }
  if (!exchange.caller.empty()) line += "  " + config::printable(exchange.caller);
  return line;
}

}  // namespace weir::control
