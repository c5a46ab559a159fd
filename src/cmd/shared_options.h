// Options that several commands have, with what is said of them in the help.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cmd/command.h"

namespace weir::cmd {

enum class Output : std::uint8_t { text, json, sarif, md };

// How a running gateway is found: by its configuration, which names its data_dir, or by its socket.
// "": not said.
struct Where {
  std::string config;
  std::string socket;
};

// Where traffic of the past comes from, and what is known of it.
struct Traffic {
  std::vector<std::string> logs, recordings;
  std::string log_format = "auto", host, zone;
  std::vector<std::string> fields;
};

Output output_of(const std::string& word);

void config_option(Command& to, std::string& into);
void where_options(Command& to, Where& into);
void by_options(Command& to, std::string& author, std::string& reason);
void person_option(Command& to, bool& into);
void traffic_options(Command& to, Traffic& into);
// Of `forms` one, text unless another is said.
void output_option(Command& to, Output& into,
                   const std::vector<std::string>& forms = {"text", "json"});
void form_option(Command& to, const std::vector<std::string>& forms,
                 std::function<void(const std::string&)> into);

// Throws UsageError where both are said.
void one_kind_of_traffic(const std::vector<std::string>& logs,
                         const std::vector<std::string>& recordings);

}  // namespace weir::cmd
