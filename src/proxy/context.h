// What one exchange carries from its head to its record, and what its head looked like to decide.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decide/decide.h"
#include "http/violation.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/records.h"
#include "model/verdict.h"
#include "proxy/draft.h"
#include "proxy/epoch.h"
#include "proxy/worker.h"
#include "wire/stream.h"

namespace weir::proxy {

struct LateProbe;

// Valid until the first suspension, as everything is that it views. One per worker, so that a warm one allocates nothing.
struct Request {
  void clear() {
    facts = {};
    violation = http::Violation::none;
    headers.clear();
    queries.clear();
    evidence.clear();
    header_names.clear();
    expected = {};
  }

  Facts facts;
  std::optional<std::uint16_t> port;        // of the authority
  std::string path, host;                   // storage where canonical differs from received
  std::vector<WatchedValue> headers, queries;
  std::vector<Evidence> evidence;
  std::vector<std::string_view> header_names;   // as received, for the recorder
  std::uint16_t head_bytes = 0;                 // saturating
  record::Expected expected;                    // of its arrival
  SocketAddress peer;
  bool peer_trusted = false;
  http::Violation violation = http::Violation::none;
};

// Counts the exchange as under way from its head to its record, which it writes exactly once: itself, or by the late probe
// that it leaves behind.
class Context {
 public:
  Context(WorkerListener& listener, wire::ServerStream& client);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // What is enforced for this exchange; the policy that holds, unless enforce() says another of the epoch.
  const Opinion& opinion() const { return *opinion_; }
  const Policy& policy() const { return *opinion_->policy; }
  const Conditions& conditions() const { return *opinion_->conditions; }
  decide::Balancer& balancer() { return worker.seat(*opinion_).balancer; }
  void enforce(const Opinion& opinion);
  Stamp now() const { return worker.loop().now(); }
  // Reads the time that the decision is made at: as near as can be to what is charged by it.
  Stamp stamp_decision();
  ExchangeRecord& record() { return draft.record; }
  void fail(Cause cause, std::string_view detail = {});

  WorkerListener& listener;
  Worker& worker;
  wire::ServerStream& client;
  Epochs::Ref epoch;
  const ExchangeId exchange;
  Stamp stamp;                    // of the decision
  Draft draft;
  std::unique_ptr<LateProbe> late;   // goes on when this ends, and takes the draft along
  bool detail_full = false;       // this caller may see rule and revision
  bool expects_continue = false;

 private:
  const Opinion* opinion_;
};

// Fills `request` from the stream's head; `request.violation` is set where the head has no one canonical reading.
void read_request(Context& x, Request& request);
// Who asks, where these are believed.
Address client_of(const Context& x, const std::vector<Net>& trusted);
// What the policy that `opinion` is of watches and asks evidence of, in its order.
void read_watched(const Context& x, const Policy& policy, Request& request);
void read_evidence(Context& x, const Opinion& opinion, Request& request);
// Copies into the draft by which id the request is known, which span of a trace it is (a refused one too: its line in the log finds
// the trace), and what the record will say about it and about the verdict.
void name_request(Context& x, const Request& request);
void note_request(Context& x, const Request& request);
void note_verdict(Context& x, const Request& request, const Verdict& verdict);
// The policy that holds is likely to be enforced: what the arrival will need of it is worked out ahead.
void expect_arrival(const Context& x, Request& request);
void write_arrival(Context& x, const Request* request, const Verdict& verdict);

}  // namespace weir::proxy
