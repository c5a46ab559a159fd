#include "base/result.h"

namespace weir {

std::unexpected<Error> wrap(Error cause, std::string context) {
  Error error{.kind = cause.kind, .origin = cause.origin, .retryable = cause.retryable,
              .context = std::move(context), .cause = nullptr};
  error.cause = std::make_shared<const Error>(std::move(cause));
  return std::unexpected(std::move(error));
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::too_large: return "too_large";
    case ErrorKind::timeout: return "timeout";
    case ErrorKind::refused: return "refused";
    case ErrorKind::unreachable: return "unreachable";
    case ErrorKind::reset: return "reset";
    case ErrorKind::closed: return "closed";
    case ErrorKind::protocol: return "protocol";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::busy: return "busy";
    case ErrorKind::permission: return "permission";
    case ErrorKind::full: return "full";
    case ErrorKind::io: return "io";
    case ErrorKind::internal: return "internal";
  }
  return "internal";
}

std::string to_string(const Error& error) {
  std::string text = error.context;
  for (const Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get()) {
    text += ": ";
    text += cause->context;
  }
  return text;
}

}  // namespace weir
