// Asking an auth service whether a request may pass (docs/design/020-external-auth.md). What is sent is written from the
// request's head at once, before anything is waited for; then the service is asked over the worker's pool, at most once,
// or twice where an idle connection turned out closed. Never waits longer than `timeout`. An answer counts when it is whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "decide/auth_breaker.h"
#include "decide/auth_cache.h"
#include "io/task.h"
#include "model/facts.h"
#include "model/policy.h"
#include "proxy/context.h"
#include "proxy/spare.h"
#include "proxy/upstream.h"
#include "wire/stream.h"

namespace weir::proxy {

// What a worker remembers of auth services.
struct AuthMemory {
  decide::AuthCache cache;
  std::unordered_map<std::uint32_t, decide::AuthBreaker> breakers;   // by name of the upstream: kept over revisions
};

class AuthCall {
 public:
  static constexpr std::size_t kMostBody = 64 * 1024;    // of an answer
  static constexpr std::size_t kMostFields = 4 * 1024;   // of it, taken over

  // Takes out of the client's head what only the service may say (ExternalAuth::take). Lives no longer than the epoch of `x`.
  AuthCall(Context& x, const Request& request, RouteId route);
  ~AuthCall() { x_.worker.spare().give(std::move(request_.bytes)); }
  AuthCall(const AuthCall&) = delete;
  AuthCall& operator=(const AuthCall&) = delete;

  // Writes ExchangeRecord::auth. Where the client went away meanwhile its result stays `none`.
  io::Task<AuthAnswer> ask();

  // Of the answer: fields for the upstream, put into a head that was made ready; WWW-Authenticate; what went wrong.
  void add_fields(wire::PreparedRequest& head) const;
  std::string_view challenge() const { return answer_.challenge; }
  const std::string& detail() const { return detail_; }

 private:
  struct Heard {
    std::uint16_t status = 0;      // 0: no whole answer
    Cause cause = Cause::none;     // why
    bool stale = false;            // nothing says that the service saw the request
  };
  void write_request(const Request& request);
  io::Task<AuthAnswer> call();
  io::Task<Heard> talk(Lease& lease, io::Deadline deadline);
  io::Task<Heard> read_body(wire::ClientStream& stream, const http::ResponseHead& head, io::Deadline deadline);
  bool take_over(const http::ResponseHead& head);
  Heard broken(const Error& error, bool stale);
  AuthAnswer judge(const Heard& heard);
  AuthAnswer unavailable(std::string_view why);

  Context& x_;
  const ExternalAuth& rule_;
  const Upstream& upstream_;
  RouteId route_;
  wire::PreparedRequest request_;
  std::uint64_t key_ = 0;            // of a kept answer
  bool has_body_ = false;            // the client's request
  decide::KeptAnswer answer_;
  std::string detail_;
};

}  // namespace weir::proxy
