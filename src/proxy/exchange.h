// One request and its answer, from a parsed head to its record. exchange() is the page to read first: facts are taken
// from the head, decide answers, what it answered is carried out, one record is written. It knows streams
// (wire/stream.h), never a version of HTTP.
#pragma once

#include "http/violation.h"
#include "io/task.h"
#include "wire/stream.h"

namespace weir::proxy {

class WorkerListener;

io::Task<> exchange(WorkerListener& listener, wire::ServerStream& client);

// Bytes that never became a head are an exchange too: answered, counted, recorded; no route.
io::Task<> refuse_bytes(WorkerListener& listener, wire::ServerStream& client, http::Violation violation, bool timed_out);

}  // namespace weir::proxy
