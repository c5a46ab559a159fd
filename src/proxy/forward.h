// What is sent on: the head of a request as the upstream gets it, and the head of an answer as the client gets it. Both
// are built from parsed values by the rules of RFC 9110 7.6 (hop-by-hop fields, Via) and the route's header operations.
// Everything works in place on the parsed fields; new values live in `arena` until the head is written.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "http/head.h"
#include "model/policy.h"

namespace weir::proxy {

// Storage for values made while a head is built; cleared for every head. Strings in it never move.
class Arena {
 public:
  std::string_view keep(std::string text);
  void clear() { used_ = 0; }

 private:
  std::deque<std::string> texts_;   // reused, so that a warm worker allocates nothing
  std::size_t used_ = 0;
};

struct ForwardedBy {
  std::string_view client;          // address of the peer of this connection, as text
  std::string_view host;            // the authority the client asked for
  std::string_view request_id;
  std::string_view traceparent;     // "" to start none
  std::string_view via;             // our name in Via
  bool peer_trusted = false;        // its own X-Forwarded-* are kept and continued
};

void forward_request_fields(const Route& route, const ForwardedBy& by, http::RequestHead& head, Arena& arena);
void forward_response_fields(const Route& route, std::string_view via, std::string_view date,
                             std::string_view request_id, http::ResponseHead& head);

}  // namespace weir::proxy
