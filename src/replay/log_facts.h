// From an entry of another program's access log to the facts that decide is asked about, for one
// policy. What the log does not hold is `unrecorded`, never guessed:
//   path, method, query   from the request line, by the canonical form of http/canonical.h
//   host                  where the format has it, else LogAssumptions::host, else unrecorded: a
//                         request that a route with hosts would fit cannot be judged
//                         (Unjudged::host)
//   headers               user-agent, referer, host and x-forwarded-for where the format has them;
//                         others by --field
//   evidence              by --field identity:RULE: given, it is valid with that subject; "-", it is
//                         absent
//   client                as logged; behind a proxy that the policy trusts, by the X-Forwarded-For
//                         of the line
// A client that is no address (a host name, a masked address) becomes an address of its own in
// fd00::/8, made from the keyed digest of its text, so that limits by client tell it from others;
// it has no network (AddressDetail::keyed).
//
// A request line that is odd (a TLS hello on a plain port, a path with no canonical form) is asked
// about as method "" and path "/": its client spends limits like any other. Rebuilt::is_odd tells.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/near.h"
#include "foreign/entry.h"
#include "foreign/field_map.h"
#include "model/names.h"
#include "replay/decider.h"

namespace weir::replay {

struct LogAssumptions {
  foreign::FieldMaps fields;  // of `--field`, as LogEntry::mapped counts them
  std::string host;           // of lines that have none; "": unrecorded
  // Identity rules that are not what the field of their name speaks of: the log was written under
  // another definition.
  std::vector<std::string> redefined;
  // Groups of a subject that a rule verified: keys files know them. None where it is not set.
  std::function<std::span<const std::string>(IdentityId, std::string_view)> groups;
};

// Who asked: the first mapped identity, else `client`, the address behind trusted proxies as the
// facts have it (IPv6 by /64), else the client's text.
struct LogCaller {
  std::uint64_t hash = 0;
  bool by_address = false;  // `address` is its name, else `name`
  std::string_view name;
  Address address;
};
LogCaller caller_of(const foreign::LogEntry& entry, const Address& client,
                    const foreign::FieldMaps& fields, HashKey seed);

Address made_up_address(std::string_view client, HashKey seed);

class LogFacts {
 public:
  // All must outlive it.
  LogFacts(const Policy& policy, const NameTable& names, const LogAssumptions& assumptions,
           HashKey seed);

  // Views are valid for kKept calls, and as long as the entry.
  Rebuilt rebuild(const foreign::LogEntry& entry);
  // The same for many, kBatch at most, one waiting for the memory of several: entry(i), out[i].
  template <class Entry>
  void rebuild(std::size_t count, const Entry& entry, std::span<Rebuilt> out) {
    std::array<Asked, kNear> asked;
    const auto far = [&](std::size_t i) {
      if (i < count) expect_entry(entry(i));
    };
    const auto middle = [&](std::size_t i) {
      if (i < count) expect_text(entry(i));
    };
    const auto near = [&](std::size_t i) {
      if (i < count) asked[i % kNear] = expect_known(entry(i));
    };
    const auto nearer = [&](std::size_t i) {
      if (i < count) expect_route(entry(i), asked[i % kNear]);
    };
    for (std::size_t i = 0; i < kFar; ++i) far(i);
    for (std::size_t i = 0; i < kMiddle; ++i) middle(i);
    for (std::size_t i = 0; i < kNear; ++i) near(i);
    for (std::size_t i = 0; i < kNearer; ++i) nearer(i);
    for (std::size_t i = 0; i < count; ++i) {
      far(i + kFar);
      middle(i + kMiddle);
      nearer(i + kNearer);
      rebuild(entry(i), asked[i % kNear], out[i]);
      near(i + kNear);
    }
  }

 private:
  // Entries that waited for their turn are far away, and so is what their text is looked up in.
  static constexpr std::size_t kFar = 24, kMiddle = 16, kNear = 8, kNearer = 4;
  static void expect_entry(const foreign::LogEntry& entry) {
    const char* const at = reinterpret_cast<const char*>(&entry);
    for (std::size_t line = 0; line < sizeof(entry); line += 64) __builtin_prefetch(at + line);
  }
  static void expect_text(const foreign::LogEntry& entry) {
    __builtin_prefetch(entry.target.data());
    __builtin_prefetch(entry.target.data() + entry.target.size());
  }
  // What is found out of an entry before its turn: where its query begins, and by what it is known; 0: values decide, so that is
  // found out later.
  struct Asked {
    std::size_t mark = std::string_view::npos;
    std::uint64_t print = 0;
    std::string_view path(const foreign::LogEntry& entry) const { return entry.target.substr(0, mark); }
  };
  Asked ask(const foreign::LogEntry& entry) const;
  Asked expect_known(const foreign::LogEntry& entry) const;
  void expect_route(const foreign::LogEntry& entry, const Asked& asked) const;   // where it is not known
  void rebuild(const foreign::LogEntry& entry, Asked asked, Rebuilt& out);

  struct Source {  // where a watched value is found in an entry
    enum class Kind : std::uint8_t {
      unrecorded,
      agent,
      referer,
      host,
      forwarded_for,
      mapped
    } kind = Kind::unrecorded;
    std::uint8_t map = 0;
  };
  // What a method, a host, a path and the values that decide about routes come to. Found by their keyed fingerprint alone: that
  // of a billion lines one is taken for another has a chance of one in 100,000.
  struct Known {
    decide::Matched routed;
    Unjudged why = Unjudged::none;
    bool encoded_slash = false, odd = false;
    bool host_as_logged = false, path_as_logged = false;   // they are canonical as they stand
  };
  // What one request needs besides its entry.
  struct Room {
    std::string host, path;
    std::vector<WatchedValue> headers, queries;
    std::vector<Evidence> evidence;
  };
  std::uint64_t print_of(const foreign::LogEntry& entry, std::string_view path, const Facts& values) const;
  const Known& known(const foreign::LogEntry& entry, const Asked& asked, const Facts& values, Room& room);
  bool find_request(const foreign::LogEntry& entry, std::string_view path, Facts& facts, Room& room);
  std::string_view host_of(const foreign::LogEntry& entry, Room& room) const;
  void find_client(const foreign::LogEntry& entry, Rebuilt& rebuilt);
  void find_values(const foreign::LogEntry& entry, Facts& facts, Room& room);
  void find_evidence(const foreign::LogEntry& entry, Rebuilt& rebuilt, Room& room);
  WatchedValue value(const Source& source, const foreign::LogEntry& entry) const;
  bool host_decides(const Facts& facts) const;
  bool value_decides(const Facts& facts) const;

  const Policy& policy_;
  const LogAssumptions& assumptions_;
  HashKey seed_;
  std::vector<Source> headers_from_, queries_from_;
  std::vector<std::optional<std::uint8_t>> evidence_from_;  // parallel to Policy::identities
  std::vector<RouteId> with_hosts_,
      with_values_;  // routes that ask for a host; for headers or queries
  std::string assumed_host_;
  std::vector<std::size_t> deciding_headers_, deciding_queries_;  // those that a route asks for
  Near<Known> known_{std::size_t{1} << 16};
  decide::Clients clients_;
  std::vector<Room> rooms_ = std::vector<Room>(kKept);
  std::size_t next_room_ = 0;
};

}  // namespace weir::replay
