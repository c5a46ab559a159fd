#include "io/errors.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "fmt/core.h"

namespace weir::io {
namespace {

struct Meaning {
  ErrorKind kind;
  const char* text;
};

Meaning meaning_of(int error) {
  switch (error) {
    case ECANCELED:
      return {ErrorKind::cancelled, "cancelled"};
    case ETIME:
      return {ErrorKind::timeout, "the deadline passed"};
    case ESHUTDOWN:
      return {ErrorKind::closed, "the stream was closed on this side"};
    case ETIMEDOUT:  // no deadline of ours
      return {ErrorKind::reset, "the network gave up waiting for the peer"};
    case ECONNREFUSED:
      return {ErrorKind::refused, "the peer refused the connection"};
    case EAGAIN:
      return {ErrorKind::refused, "the peer's backlog is full"};
    case ENOENT:
      return {ErrorKind::refused, "no such socket"};
    case ECONNRESET:
      return {ErrorKind::reset, "the peer reset the connection"};
    case EPIPE:
      return {ErrorKind::reset, "the peer no longer reads"};
    case EHOSTUNREACH:
      return {ErrorKind::unreachable, "no route to the host"};
    case EHOSTDOWN:
      return {ErrorKind::unreachable, "the host is down"};
    case ENETUNREACH:
      return {ErrorKind::unreachable, "no route to the network"};
    case ENETDOWN:
      return {ErrorKind::unreachable, "the network is down"};
    case EADDRNOTAVAIL:
      return {ErrorKind::unreachable, "no local address or port is left for it"};
    case EADDRINUSE:
      return {ErrorKind::busy, "the address is in use by another process"};
    case EACCES:
    case EPERM:
      return {ErrorKind::permission, "not permitted"};
    case EMFILE:
      return {ErrorKind::full, "this process has no descriptor left (raise LimitNOFILE)"};
    case ENFILE:
      return {ErrorKind::full, "the system has no descriptor left"};
    case ENOBUFS:
    case ENOMEM:
      return {ErrorKind::full, "the system has no memory left for sockets"};
    case E2BIG:
      return {ErrorKind::too_large, "larger than one write may be"};
    default:
      return {ErrorKind::io, nullptr};
  }
}

}  // namespace

Error system_error(int error, std::string_view doing) {
  const Meaning meaning = meaning_of(error);
  return Error{
      .kind = meaning.kind,
      .origin = Origin::system,
      .retryable = meaning.kind == ErrorKind::refused || meaning.kind == ErrorKind::unreachable,
      .context = fmt::format("{}: {}", doing,
                             meaning.text != nullptr ? meaning.text : strerrordesc_np(error)),
      .cause = nullptr};
}

}  // namespace weir::io
