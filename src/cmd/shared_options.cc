#include "cmd/shared_options.h"

#include <cstddef>
#include <utility>

namespace weir::cmd {
namespace {

// "text, json or md"
std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return out;
}

}  // namespace

Output output_of(const std::string& word) {
  return word == "json"    ? Output::json
         : word == "sarif" ? Output::sarif
         : word == "md"    ? Output::md
                           : Output::text;
}

void config_option(Command& to, std::string& into) {
  to.add("-c,--config", &into,
         "the gateway's file or folder (default: ./gateway.yaml, then /etc/weir/gateway.yaml)",
         "FILE");
}

void where_options(Command& to, Where& into) {
  config_option(to, into.config);
  to.add("--admin", &into.socket,
         "the gateway's admin socket (default: admin.sock in the data_dir of the file)", "SOCKET");
}

void by_options(Command& to, std::string& author, std::string& reason) {
  to.add("--author", &author, "who (default: who is logged in)", "NAME");
  to.add("--reason", &reason, "why, for whoever looks later", "TEXT");
}

void person_option(Command& to, bool& into) {
  to.add("--person", &into,
         "a person asks, though there is no terminal: freezes and queues do not bind");
}

void traffic_options(Command& to, Traffic& into) {
  to.add_many("--log", &into.logs, "an access log, packed or not; - is standard input", "LOG")
      .takes_rest = true;
  to.add_many("--recording", &into.recordings, "a data_dir of weir, or its segments", "DIR");
  to.add("--log-format", &into.log_format, "auto (default), or a format: weir help log-format",
         "FORMAT");
  to.add_many("--field", &into.fields,
              "a field of the log that holds a fact: identity:RULE=F, header:NAME=F, query:NAME=F, "
              "client=F",
              "FACT=F");
  to.add("--host", &into.host, "the host of log lines that name none", "NAME");
  to.add("--zone", &into.zone, "the zone of log times that have none: +09:00 (default: UTC)",
         "ZONE");
}

void output_option(Command& to, Output& into, const std::vector<std::string>& forms) {
  form_option(to, forms, [&into](const std::string& word) { into = output_of(word); });
}

void form_option(Command& to, const std::vector<std::string>& forms,
                 std::function<void(const std::string&)> into) {
  to.add("-o,--output", std::move(into), listed(forms), "FORM").only = forms;
}

void one_kind_of_traffic(const std::vector<std::string>& logs,
                         const std::vector<std::string>& recordings) {
  if (!logs.empty() && !recordings.empty())
    throw UsageError{"--log and --recording do not go together"};
}

}  // namespace weir::cmd
