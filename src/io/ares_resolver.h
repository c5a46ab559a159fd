// AresResolver: names through c-ares, driven by the loop: its sockets are watched as foreign
// descriptors, its time-outs by one timer. /etc/hosts and the order of nsswitch.conf are honoured;
// addresses come sorted by RFC 6724. resolv.conf is read anew when the resolver was idle and what
// it knows is older than kConfigurationAge. Nothing is cached. Every lookup ends by its deadline,
// at the latest after kLongest; at most kLookupsMax are under way. Belongs to one loop; must die
// before it, when no lookup runs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/task.h"
#include "io/timers.h"

struct ares_channeldata;

namespace weir::io {

struct AresOptions {
  std::string servers;  // "127.0.0.1:5353,[::1]:53"; empty: those of resolv.conf
  Nanos attempt = std::chrono::seconds(2);  // to wait for one server
  int attempts = 2;                         // per server
};

class AresResolver final : public Resolver {
 public:
  static constexpr Nanos kLongest = std::chrono::seconds(30);
  static constexpr Nanos kConfigurationAge = std::chrono::seconds(30);
  static constexpr std::size_t kLookupsMax = 256;

  explicit AresResolver(Loop& loop, AresOptions options = {});
  ~AresResolver() override;

  struct Query;

 private:
  class Lookup;
  class Socket;
  class Ticker final : public Timer {
   public:
    explicit Ticker(AresResolver& of) : of_(of) {}

   private:
    void fire() override { of_.process_timeouts(); }
    AresResolver& of_;
  };

  Task<Result<Resolution>> look_up(std::string host, Deadline deadline) override;
  int prepare();  // an ARES_ status
  void drop_channel();
  void process_timeouts();
  void rearm();
  void socket_changed(int descriptor, bool readable, bool writable);
  static void on_socket(void* self, int descriptor, int readable, int writable);

  Loop& loop_;
  const AresOptions options_;
  ares_channeldata* channel_ = nullptr;
  Stamp made_{};
  std::unordered_map<int, Socket*> sockets_;  // in blocks of the loop's slab
  std::size_t under_way_ = 0;
  Ticker ticker_{*this};
};

}  // namespace weir::io
