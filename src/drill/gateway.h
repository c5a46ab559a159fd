// The gateway under drill: an ordinary configuration made fit for a run, the real binary on it, and
// changes applied to it as an operator would.
//
// Made fit: each address of the configuration (listeners, admin, endpoints) becomes one of this
// run, data, logs and unix sockets stay in the run's folder, and callers of the scenario get keys.
// Nothing else changes, comments and order neither. A listener beyond loopback, and an endpoint
// that is none of the scenario's, are errors: a drill stays on this machine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/api_key.h"
#include "base/address.h"
#include "base/result.h"
#include "config/compile.h"
#include "drill/child.h"
#include "drill/scenario_spec.h"
#include "drill/traffic.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::drill {

class Gateway {
 public:
  struct Options {
    std::string program;  // weir
    std::string file;     // the configuration
    std::string folder;   // of the run
  };
  Gateway(io::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {}

  // Reads and checks the configuration. An error is a whole report, as `weir check` prints it.
  Result<> read();
  bool has_endpoint(std::string_view written) const;
  // How callers prove themselves by a rule of the configuration; not_found: there is no such rule.
  Result<Proof> proof(std::string_view identity) const;
  std::vector<std::string> endpoints() const;  // as written

  // From now on `written` means `actual`.
  void move(const std::string& written, const std::string& actual) { moves_[written] = actual; }
  void give_keys(const Offer& offer);

  io::Task<Result<>> boot();
  io::Task<Result<>> set(const ValueMap& values, std::string_view reason);
  io::Task<Result<>> apply(const std::string& file, std::string_view reason);
  SocketAddress address() const { return address_; }  // of its first listener
  bool running() { return child_ && child_->running(); }
  std::string last_words() const;
  bool end();  // false: it had to be killed

 private:
  Result<config::Input> fit(config::Input input);
  Result<std::string> write(const config::Input& input);  // the path of what was written
  Result<> place(SocketAddress address);
  Result<> move_all(const Policy& policy, const config::Input& input);
  Result<> set_addresses(config::Input& input, const Policy& policy) const;
  Result<> replace_keys(config::Input& input, const Policy& policy);
  io::Task<Result<>> take(config::Input input, std::string_view reason);

  io::Loop& loop_;
  Options options_;
  config::Input input_;  // as it runs, before it is made fit
  std::shared_ptr<const Policy> policy_;
  std::unique_ptr<NameTable> names_;
  std::map<std::string, std::string> moves_;
  std::map<std::string, std::map<std::string, auth::KeyEntry>> keys_;  // by identity rule, name
  SocketAddress address_;
  std::string socket_;
  unsigned written_ = 0;
  std::unique_ptr<Child> child_;
};

// A port of loopback that nobody listens on, below those that the system gives to connections.
Result<SocketAddress> free_address(io::Loop& loop);

// `text` with every address of `moves` that stands there by itself replaced.
std::string moved(std::string_view text, const std::map<std::string, std::string>& moves);

}  // namespace weir::drill
