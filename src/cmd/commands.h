// What each command is asked, and the function that does it; each stands in a file of its own name.
// They print results to standard output and complaints to standard error, and answer the exit code.
// The numbers in what they print are those of the JSON that -o json prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/words.h"

namespace weir::cmd {

enum Exit : int {
  kFine = 0,
  kFailed = 1,       // invalid, or it did not work
  kUsage = 2,        // wrong words
  kHarm = 3,         // plan: above its budget; advise: something found; apply: it was taken back before
  kNotEnough = 4,    // plan, advise: not enough data
  kUnreachable = 5,  // busy, stale, or nobody runs there
  kNotMet = 99,      // drill: not what was expected; load: a threshold is broken
};

enum class Output : std::uint8_t { text, json, sarif, md };

// How a running gateway is found: by its configuration, which names its data_dir, or by its socket.
// "": not said.
struct Where {
  std::string config;
  std::string socket;
};

struct RunOptions {
  std::string config;
  std::string to, listen;  // without a file
  bool live = false;
  std::string program;  // of this process, so that USR2 can start it anew
  std::vector<std::string> arguments;
};
int run(const RunOptions& options);

struct InitOptions {
  std::string file = "gateway.yaml";
};
int init(const InitOptions& options);

struct CheckOptions {
  std::string file;  // or folder
  Output output = Output::text;
  bool no_recording = false;
};
int check(const CheckOptions& options);

struct ImportOptions {
  std::string file;    // an nginx.conf
  std::string out;     // "": standard output
  std::string listen;  // "": the importer chooses
  Output report = Output::text;

  // Or traffic instead of a file.
  std::vector<std::string> logs, recordings;
  std::string config, data_dir;  // "": the default; the configuration's
  std::string log_format = "auto", host;
  std::vector<std::string> fields;
};
int import(const ImportOptions& options);
int import_traffic(const ImportOptions& options);

struct ShowOptions {
  Where where;
  std::string revision;    // "r42"; "": what is live
  bool effective = false;  // of the file; else what runs
  bool schema = false;
  Output output = Output::text;
};
int show(const ShowOptions& options);

struct ApplyOptions {
  std::string file;
  Where where;
  std::string author, reason;  // author "": who is logged in
  std::string base;            // "r42": for that one alone
  bool retry = false;          // also what was taken back
  bool now = false, fast = false, protect = false, person = false;
  std::string confirm_within;  // "10m"; "": it need not be confirmed
  std::string wait = "live";   // live | settled | none
  Output output = Output::text;
};
int apply(const ApplyOptions& options);

struct RollbackOptions {
  std::string to;  // "r42"; "": what was live before
  Where where;
  std::string author, reason;
  bool person = false;
  Output output = Output::text;
};
int rollback(const RollbackOptions& options);

struct PromoteOptions {
  Where where;
  std::string author;
  bool person = false;
  Output output = Output::text;
};
int promote(const PromoteOptions& options);
int confirm(const PromoteOptions& options);

struct ChangeOptions {
  std::string subject, version;
  std::string watch;     // "": an hour
  bool no_wait = false;
  unsigned limit = 20;   // list
  std::uint64_t number = 0;   // show
  std::string author, reason;
  Where where;
  Output output = Output::text;
};
int change(const ChangeOptions& options);
int change_list(const ChangeOptions& options);
int change_show(const ChangeOptions& options);

struct OverrideOptions {
  std::vector<std::string> words;   // of what it does: config/override_text.h
  std::string name;                 // "o3"
  std::string lasts = "1h";
  Where where;
  std::string author, reason;
  bool person = false, yes = false;
  unsigned ended = 0;               // so many that ended, too
  Output output = Output::text;
};
int override_add(const OverrideOptions& options);
int override_list(const OverrideOptions& options);
int override_remove(const OverrideOptions& options);

struct DiffOptions {
  std::string from, to;  // a file, "r42" or "live"; "": live against the file
  Where where;
  Output output = Output::text;
};
int diff(const DiffOptions& options);

struct HistoryOptions {
  Where where;
  unsigned most = 20;
  Output output = Output::text;
};
int history(const HistoryOptions& options);

struct PlanOptions {
  std::string file;  // "": limits alone, else the default configuration
  std::vector<std::string> limits, sets, unsets;
  std::string base = "as-recorded";  // or live, or a configuration
  Where where;                       // of the gateway, for live
  std::vector<std::string> logs, recordings;
  std::string log_format = "auto", host;
  std::vector<std::string> fields;
  std::optional<std::uint64_t> budget_known;
  std::optional<double> budget_requests;  // share
  bool retries = false;            // modelled
  bool all_callers = false;
  Output output = Output::text;
};
int plan(const PlanOptions& options);

struct AdviseOptions {
  std::string file;  // "": the default configuration
  std::vector<std::string> logs, recordings;
  std::string log_format = "auto", host;
  std::vector<std::string> fields, skip;
  Output output = Output::text;
};
int advise(const AdviseOptions& options);
std::string log_format_help();  // weir help log-format

struct TestOptions {
  std::string file;    // of cases
  std::string config;  // "": the one that the file names
  enum class Form : std::uint8_t { text, json, junit } output = Form::text;
};
int test(const TestOptions& options);

struct LoadOptions {
  load::Words words;
  std::vector<std::string> logs, recordings, fields;
  std::string log_format = "auto";
  bool all_methods = false;   // of a log or recording: those too that change something
  std::string caller_values;  // a file
  bool anywhere = false;      // targets on public networks too
  std::string html;           // a file to write
  Output output = Output::text;
};
int load(const LoadOptions& options);

struct ExportOptions {
  std::string folder;  // data_dir; "": that of the configuration
  std::string config;
  std::string since, until;  // RFC 3339; "": all
  bool csv = false;          // else JSON lines
};
int export_arrivals(const ExportOptions& options);

struct ExplainOptions {
  std::string method, url;           // a request
  std::string request_id;            // or one of the past
  std::vector<std::string> headers;  // "Name: value"
  std::string client;
  Where where;
  Output output = Output::text;
};
int explain(const ExplainOptions& options);

struct StatusOptions {
  Where where;
  Output output = Output::text;
};
int status(const StatusOptions& options);

struct CallersOptions {
  Where where;
  std::string data_dir;  // "": the running gateway's, else that of the configuration
  std::string name;      // of one caller; "": a list
  std::string by = "refused";
  unsigned limit = 20;
  Output output = Output::text;
};
int callers(const CallersOptions& options);

struct TopOptions {
  Where where;
  std::string by;  // "": all kinds at once, between two looks
  unsigned rows = 0;     // of each kind; 0: as many as is usual, 20 with `by`, else 8
  bool once = false;
  unsigned seconds = 0;  // between two pictures; 0: as is usual, 1 with `by`, else 2
  Output output = Output::text;
};
int top(const TopOptions& options);

struct KeysOptions {
  std::string config;
  std::string file;  // of keys; "": the one that the configuration names
  std::string name;
  std::vector<std::string> groups;
  std::string expires;  // RFC 3339; "" never
  Output output = Output::text;
};
int keys_add(const KeysOptions& options);
int keys_list(const KeysOptions& options);
int keys_revoke(const KeysOptions& options);

struct DrainOptions {
  Where where;
  Output output = Output::text;
};
int drain(const DrainOptions& options);

struct VersionOptions {
  Output output = Output::text;
};
int version(const VersionOptions& options);

}  // namespace weir::cmd
