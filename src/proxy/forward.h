// What is sent on: the head of a request as the upstream gets it, and the head of an answer as the client gets it. Both
// are built from parsed values by the rules of RFC 9110 7.6 (hop-by-hop fields, Via), RFC 8586 (CDN-Loop) and the route's
// header operations. Everything works in place on the parsed fields; new values live in `arena` until the head is written.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "model/policy.h"

namespace weir::proxy {

// Storage for values made while a head is built; cleared for every head. What is kept never moves, and a warm worker
// allocates nothing.
class Arena {
 public:
  std::string_view keep(std::string_view text) { return join({text}); }
  std::string_view join(std::initializer_list<std::string_view> parts);
  char* room(std::size_t bytes);
  void clear() { block_ = used_ = 0; }

 private:
  static constexpr std::size_t kBlock = 16 * 1024;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };

  std::vector<Block> blocks_;   // as many as one head ever needed: bounded by the caps of heads
  std::size_t block_ = 0, used_ = 0;
};

struct ForwardedBy {
  std::string_view client;          // address of the peer of this connection, as text
  std::string_view host;            // the authority the client asked for
  std::string_view request_id;
  std::string_view traceparent;     // "" to start none
  std::string_view via;             // our entry in Via
  std::string_view loop_mark;       // our element of CDN-Loop (decide/loop.h)
  std::string_view deadline_header, deadline;   // milliseconds left, where it is told; "": what the peer said is not passed on
  bool peer_trusted = false;        // its own X-Forwarded-* are kept and continued
};

// Also for answers of our own: what a route sets, adds or removes.
void apply_operations(std::span<const HeaderOperation> operations, http::Fields& fields);

void forward_request_fields(std::span<const HeaderOperation> operations, const ForwardedBy& by, http::RequestHead& head,
                            Arena& arena);
void forward_response_fields(std::span<const HeaderOperation> operations, std::string_view via, std::string_view date,
                             std::string_view request_id, http::ResponseHead& head);

}  // namespace weir::proxy
