// One line on its way to a LogEntry. Whatever finds the fields of a line (a layout, JSON, CSV)
// hands each of them to set() with the slot that it fills; the draft converts, unescapes and, where
// several fields say the same thing, keeps the better one: of $msec and $time_local the finer
// clock, of Host and server_name the former. That is what `rank` is for, 1 to 9; an empty field or
// "-" never displaces anything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "foreign/entry.h"
#include "foreign/escapes.h"
#include "foreign/field_map.h"
#include "foreign/log_reader.h"
#include "foreign/times.h"

namespace weir::foreign {

enum class Slot : std::uint8_t {
  none,
  clf_head,  // "[vhost[:port] ]client ident user", the first fields of a CLF line
  time_clf,
  time_iso,
  time_any,
  time_s,
  time_ms,
  time_us,
  date,
  clock,  // one time in two fields
  fraction_ms,
  fraction_us,  // what a time in another field lacks
  client,
  client_list,  // of a list the first
  client_port,  // always with a port, an IPv6 address without brackets too
  user,
  request,
  method,
  target,
  path,
  query,
  protocol,
  host,
  status,
  bytes_in,
  bytes_out,
  duration_s,
  duration_ms,
  duration_us,
  duration_ns,
  duration_go_s,
  duration_go_ms,
  duration_part_s,  // the parts of a duration; the whole is known when none is -1
  upstream_s,
  upstream_ms,
  upstream_ns,
  upstream,
  route,
  referer,
  agent,
  request_id,
  forwarded_for,
  haproxy_timers,  // TR/Tw/Tc/Tr/Ta
  haproxy_route,
  haproxy_server,
  haproxy_request,
  elb_target_time,  // a part of the duration, and the upstream's
};

// A field as a format names it, and where it goes.
struct KnownField {
  std::string_view name;
  Slot slot = Slot::none;
  std::uint8_t rank = 1;
};

class Draft {
 public:
  Draft(const FieldMaps& maps, Nanos zone);

  // What comes goes into `entry`, and what is unescaped stays here until the next one.
  void begin(LogEntry& entry, bool time_is_end);
  void set(Slot slot, std::string_view raw, Escape escape, std::uint8_t rank = 1);
  // The same for status, bytes_in and bytes_out, where the number is known.
  void set_count(Slot slot, std::uint64_t count, std::uint8_t rank);
  // The field is named by the `--field`s whose bits are set in `maps`.
  void map(std::uint32_t maps, std::string_view raw, Escape escape);
  // The line is read. Nothing, or why it is no entry.
  std::optional<Skip> finish();
  // Whether the time of an entry came without a zone so far.
  bool zoneless() const { return zoneless_; }

  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

 private:
  enum Group : std::uint8_t {
    kTime,
    kClient,
    kUser,
    kMethod,
    kTarget,
    kProtocol,
    kHost,
    kIn,
    kOut,
    kDuration,
    kUpstreamTime,
    kUpstream,
    kId,
    kForwarded,
    kAgent,
    kReferer,
    kGroups
  };
  bool wins(Group group, std::uint8_t rank);
  std::string_view text(std::string_view raw, Escape escape);
  void take(std::optional<LogTime> time, std::uint8_t rank);
  void set_time(Slot slot, std::string_view raw, std::uint8_t rank);
  void set_number(Slot slot, std::string_view raw, std::uint8_t rank);
  void set_text(Slot slot, std::string_view value, std::uint8_t rank);
  void clf_head(std::string_view raw);
  void client(std::string_view text, std::uint8_t rank);
  void request(std::string_view line);
  void absolute(std::string_view target, std::size_t scheme);
  void haproxy_timers(std::string_view raw);
  void join_target();

  LogEntry* entry_ = nullptr;
  const FieldMaps& maps_;
  Nanos zone_;
  bool zoneless_ = false,
       time_zoneless_ = false;  // an entry's so far; this line's, once there is one
  ClfTimes clf_times_;
  std::vector<MappedFact> mapped_;
  std::array<std::int8_t, kMaxFieldMaps> mapped_at_{};  // map -> place in mapped_
  std::array<std::uint8_t, kGroups> ranks_{};
  std::string_view date_, clock_, path_, query_;
  Nanos parts_{0};
  int part_count_ = 0;
  bool parts_whole_ = true;
  bool have_time_ = false;
  std::unique_ptr<char[]> scratch_;
  char* free_ = nullptr;
};

}  // namespace weir::foreign
