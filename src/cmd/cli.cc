#include "cmd/cli.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The only translation unit that reads CLI11: it costs seconds.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cmd/command_tree.h"
#include "cmd/commands.h"
#include "cmd/drill.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/version.h"
#include "fmt/core.h"
#include "model/request_id.h"

namespace weir::cmd {
namespace {

// Named in the design, made in later versions: asked for, they say so instead of "unknown".
constexpr std::array kLater = {"incidents", "postmortem", "playbook", "automation"};

struct UsageError {
  std::string text;
};

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    app_.require_subcommand(0, 1);
    app_.set_version_flag("--version", fmt::format("weir {}", control::kVersion));
    app_.footer(
        "Examples:\n"
        "  weir run --to 127.0.0.1:3000          a gateway before one service, without a file\n"
        "  weir init && weir run                 a file to start from, and the gateway on it\n"
        "  weir check gateway.yaml               what is wrong or unwise in it\n"
        "  weir plan gateway.yaml --log access.log   whom it would have hurt\n"
        "  weir advise gateway.yaml --log access.log   what in it is worth changing\n"
        "  weir test cases.yaml                  what it must do, in virtual time\n"
        "  weir apply gateway.yaml               take it into the running gateway\n"
        "  weir explain GET http://host/path     what would be decided, and why\n"
        "  weir load http://127.0.0.1:8080/ --rate 1000/s   how it bears load\n"
        "Exit codes: 0 fine, 1 invalid or failed, 2 wrong words, 3 harm, 4 not enough data,\n"
        "            5 busy or not running, 99 not what a drill or a threshold of load expects.\n"
        "More about one command: weir help COMMAND");
    add_run();
    add_files();
    add_plan();
    add_advise();
    add_test();
    add_load();
    add_export();
    add_running();
    add_keys();
    add_import();
    add_drill();
    add_others();
  }

  int parse_and_run() {
    try {
      // CLI11 takes the words from the back.
      app_.parse(std::vector<std::string>(arguments_.rbegin(), arguments_.rend() - 1));
    } catch (const CLI::Success& success) {  // --help, --version
      return app_.exit(success, stdout_, stderr_), flush(), kFine;
    } catch (const CLI::ExtrasError& error) {
      return usage(unknown_words(error.what()));
    } catch (const CLI::ParseError& error) {
      return usage(error.what());
    }
    if (!chosen_) {
      print(app_.help());
      return kUsage;
    }
    try {
      return chosen_();
    } catch (const UsageError& error) {
      return usage(error.text);
    } catch (const std::exception& error) {  // a gateway of another version answers other JSON
      complain(fmt::format("the gateway's answer is not what this weir ({}) expects: {}",
                           control::kVersion, error.what()));
      return kFailed;
    }
  }

 private:
  CLI::App* command(const std::string& name, const std::string& what, const std::string& examples,
                    std::function<int()> does) {
    CLI::App* made = app_.add_subcommand(name, what);
    if (!examples.empty()) made->footer("Examples:\n" + examples);
    made->callback([this, does = std::move(does)] { chosen_ = does; });
    return made;
  }

  void config_option(CLI::App* to, std::string& into) {
    to->add_option(
          "-c,--config", into,
          "the gateway's file or folder (default: ./gateway.yaml, then /etc/weir/gateway.yaml)")
        ->type_name("FILE");
  }
  void where_options(CLI::App* to, Where& where) {
    config_option(to, where.config);
    to->add_option("--admin", where.socket,
                   "the gateway's admin socket (default: admin.sock in the data_dir of the file)")
        ->type_name("SOCKET");
  }
  void by_options(CLI::App* to, std::string& author, std::string& reason) {
    to->add_option("--author", author, "who (default: who is logged in)")->type_name("NAME");
    to->add_option("--reason", reason, "why, for whoever looks later")->type_name("TEXT");
  }
  // `also`: a form beside text and json, "sarif" or "md".
  void output_option(CLI::App* to, Output& into, const std::string& also = "") {
    std::vector<std::string> words = {"text", "json"};
    if (!also.empty()) words.push_back(also);
    CLI::Option* option = to->add_option_function<std::string>(
        "-o,--output",
        [&into](const std::string& word) {
          into = word == "json" ? Output::json : word == "sarif" ? Output::sarif : word == "md" ? Output::md : Output::text;
        },
        also.empty() ? "text or json" : "text, json or " + also);
    option->check(CLI::IsMember(words))->type_name("FORM")->option_text("FORM");
    values_[option] = words;
  }

  void add_run() {
    CLI::App* run = command("run", "Run the gateway",
                            "  weir run\n  weir run -c /etc/weir/gateway.yaml\n  weir run --to "
                            "127.0.0.1:3000 --listen :8080 --live\n"
                            "Signals: TERM drains (twice: ends), INT ends, HUP takes the file "
                            "anew, USR1 reopens logs, USR2 hands over to a new binary.",
                            [this] { return cmd::run(run_); });
    config_option(run, run_.config);
    CLI::Option* to =
        run->add_option("--to", run_.to, "without a file: everything goes to this address")
            ->type_name("HOST:PORT");
    run->add_option("--listen", run_.listen,
                    "with --to: where clients connect (default 127.0.0.1:8080)")
        ->type_name("ADDRESS")
        ->needs(to);
    run->get_option("--config")->excludes(to);
    run->add_flag("--live", run_.live, "print one line per request");
    run_.listen = "127.0.0.1:8080";
    run_.program = arguments_.front();
    run_.arguments = arguments_;
  }

  void add_files() {
    CLI::App* init = command("init", "Write a commented file to start from",
                             "  weir init\n  weir init /etc/weir/gateway.yaml",
                             [this] { return cmd::init(init_); });
    init->add_option("FILE", init_.file,
                     "what to write (default gateway.yaml); never over a file that is there");

    CLI::App* check = command("check", "Say what is wrong or unwise in a file",
                              "  weir check gateway.yaml\n  weir check conf.d/                     "
                              " all *.yaml, *.yml, *.json of a folder\n"
                              "  weir check gateway.yaml -o sarif        for a code host",
                              [this] { return cmd::check(check_); });
    check->add_option("FILE", check_.file, "a file or a folder")->required();
    output_option(check, check_.output, "sarif");
    check->add_flag("--no-recording", check_.no_recording, "judge the text alone, not what its data_dir has recorded lately");
    check->add_option("-c,--config", ignored_, "")->group("");  // the file is the question here

    CLI::App* show =
        command("show", "Print the configuration that runs, or a file with every default filled in",
                "  weir show                                what runs now, as it was written\n"
                "  weir show r42                            what r42 was, by whom and why\n  "
                "weir show --effective -c gateway.yaml",
                [this] { return cmd::show(show_); });
    show->add_option("REVISION", show_.revision, "r42, as weir history names it");
    show->add_flag("--effective", show_.effective, "of the file, with every default filled in");
    show->add_flag("--schema", show_.schema, "the JSON Schema of configurations, for editors");
    where_options(show, show_.where);
    output_option(show, show_.output, "md");
  }

  void add_plan() {
    CLI::App* plan = command(
        "plan", "Say whom a configuration would have hurt, from a log or a recording",
        "  weir plan --limit 'client_ip 10/s burst=20' --log access.log*\n"
        "  weir plan gateway.yaml --log access.log.gz --host api.example.com\n"
        "  weir plan gateway.yaml --base old.yaml --recording /var/lib/weir\n"
        "  zcat logs/*.gz | weir plan --limit 'all 900/s' --log - -o json\n"
        "Exit codes: 0 harmless, 3 above the budget, 4 not enough data to tell; 1 and 2 as ever.\n"
        "What a log should hold: weir help log-format",
        [this] { return run_plan(); });
    plan->add_option("FILE", plan_.file,
                     "the configuration to judge (left out: --limit alone, else ./gateway.yaml)");
    traffic_options(plan, plan_);
    plan->add_option(
            "--base", plan_.base,
            "what to compare with: as-recorded (default), live (what runs now), or a configuration")
        ->type_name("FILE");
    many(plan, "--limit", plan_.limits, "one rule with nothing else: 'client_ip 10/s burst=20'",
         "RULE");
    many(plan, "--set", plan_.sets, "one value of FILE anew: limits.per-caller.rate=5/s",
         "PATH=VALUE");
    many(plan, "--unset", plan_.unsets, "one part of FILE taken out: routes.old", "PATH");
    plan->add_option(
            "--budget-known", plan_.budget_known,
            "known callers that may be hurt (default: rollout.harm_budget of FILE, else 0)")
        ->type_name("N");
    plan->add_option(
            "--budget-requests", budget_requests_,
            "share of requests that may be hurt (default: rollout.harm_budget of FILE, else 0.1%)")
        ->type_name("SHARE");
    where_options(plan, plan_.where);
    plan->add_flag("--retries", plan_.retries, "model that refused callers retry 3 times");
    plan->add_flag("--callers", plan_.all_callers, "list all who are hurt");
    report_option(plan, plan_.output);
  }

  void add_advise() {
    CLI::App* advise = command(
        "advise", "Review a configuration by the traffic it has seen: what is worth changing",
        "  weir advise                               by what this gateway recorded in its "
        "data_dir\n"
        "  weir advise gateway.yaml --log /var/log/nginx/access.log*\n"
        "  weir advise gateway.yaml --log access.log --skip timeouts -o md\n"
        "Looks at limits, unused rules, timeouts, weights, capacity, keys and expiry. What it "
        "proposes\n"
        "was planned over the same input, and is harmless there.\n"
        "Exit codes: 0 nothing found, 3 something found, 4 nothing found but not all could be "
        "judged;\n"
        "1 and 2 as ever. What a log should hold: weir help log-format",
        [this] { return run_advise(); });
    advise->add_option("FILE", advise_.file,
                       "the configuration (default: ./gateway.yaml, then /etc/weir/gateway.yaml)");
    traffic_options(advise, advise_);
    const std::vector<std::string> topics = {"limits",   "unused", "timeouts", "weights",
                                             "capacity", "keys",   "expiry"};
    CLI::Option* skip =
        many(advise, "--skip", advise_.skip,
             "do not look at: limits, unused, timeouts, weights, capacity, keys, expiry", "TOPIC");
    skip->check(CLI::IsMember(topics))->option_text("TOPIC");
    values_[skip] = topics;
    report_option(advise, advise_.output);
  }

  // Where traffic comes from, and what is known of it.
  template <class Options>
  void traffic_options(CLI::App* to, Options& into) {
    many(to, "--log", into.logs, "an access log, packed or not; - is standard input", "LOG")
        ->allow_extra_args(true);
    many(to, "--recording", into.recordings, "a data_dir of weir, or its segments", "DIR");
    to->add_option("--log-format", into.log_format,
                   "auto (default), or a format: weir help log-format")
        ->type_name("FORMAT");
    many(to, "--field", into.fields,
         "a field of the log that holds a fact: identity:RULE=F, header:NAME=F, query:NAME=F, "
         "client=F",
         "FACT=F");
    to->add_option("--host", into.host, "the host of log lines that name none")->type_name("NAME");
  }

  void report_option(CLI::App* to, Output& into) {
    const std::vector<std::string> forms = {"text", "json", "md", "sarif"};
    CLI::Option* output = to->add_option_function<std::string>(
        "-o,--output",
        [&into](const std::string& word) {
          into = word == "json"    ? Output::json
                 : word == "md"    ? Output::md
                 : word == "sarif" ? Output::sarif
                                   : Output::text;
        },
        "text, json, md or sarif");
    output->check(CLI::IsMember(forms))->type_name("FORM")->option_text("FORM");
    values_[output] = forms;
  }

  void add_test() {
    CLI::App* test = command(
        "test", "Run cases against a configuration in virtual time: these requests, these verdicts",
        "  weir test cases.yaml\n"
        "  weir test cases.yaml -c gateway.yaml\n"
        "  weir test cases.yaml -o junit > weir.xml    for a CI\n"
        "Exit codes: 0 all passed, 1 a case failed or a file is invalid, 2 wrong words.\n"
        "How cases are written: docs/guide/testing.md",
        [this] { return cmd::test(test_); });
    test->add_option("FILE", test_.file, "the cases")->required();
    test->add_option("-c,--config", test_.config,
                     "the configuration (default: the one that the cases name)")
        ->type_name("FILE");
    const std::vector<std::string> forms = {"text", "json", "junit"};
    CLI::Option* output = test->add_option_function<std::string>(
        "-o,--output",
        [this](const std::string& word) {
          test_.output = word == "json"    ? TestOptions::Form::json
                         : word == "junit" ? TestOptions::Form::junit
                                           : TestOptions::Form::text;
        },
        "text, json or junit");
    output->check(CLI::IsMember(forms))->type_name("FORM")->option_text("FORM");
    values_[output] = forms;
  }

  void add_load() {
    CLI::App* load = command(
        "load", "Ask a server at a rate that does not wait for its answers, and say how it bore it",
        "  weir load http://127.0.0.1:8080/users --rate 1000/s --for 30s\n"
        "  weir load http://127.0.0.1:8080 --route /users=3 --route 'POST /orders=1' --rate 200/s\n"
        "  weir load http://127.0.0.1:8080/ --rate 100/s --ramp 2000/s --for 1m --fail-if 'p99 > "
        "200ms'\n"
        "  weir load http://127.0.0.1:8080/ --rate 500/s --arrivals poisson --callers 2000 --zipf "
        "1.1\n"
        "  weir load http://127.0.0.1:8080/ --find-capacity 'p99 < 100ms'\n"
        "  weir load http://staging.internal:8080 --log access.log.gz --speed 2\n"
        "  weir load http://127.0.0.1:8080/ --connections 64       closed loop, as wrk does\n"
        "Latency counts from when a call was due, so a stall of the server is seen by all who "
        "would\n"
        "have asked meanwhile; service counts from when it was sent. Ctrl-C ends early, with a "
        "report.\n"
        "Exit codes: 0 done, 99 a threshold is broken, 4 this machine could not send in time, 1 "
        "no\n"
        "answer at all, 5 nobody listens there, 2 wrong words. More: docs/guide/load.md",
        [this] { return run_load(); });
    load::Words& words = load_.words;
    load->add_option("URL", words.url, "http://host:port/path")->required();
    const auto text = [&](const std::string& name, std::string& into, const std::string& what,
                          const std::string& type) {
      return load->add_option(name, into, what)->type_name(type);
    };
    text("--rate", words.rate, "calls: 1000/s, 30/min; left out: a closed loop", "RATE");
    text("--ramp", words.ramp, "from --rate to this one, in a straight line", "RATE");
    text("--steps", words.steps, "instead of --rate, one after another: 100/s,200/s,400/s",
         "RATES");
    text("--for", words.length, "how long (default 10s; a trial 5s; a log all of it)", "TIME");
    text("--arrivals", words.arrivals, "constant (default), poisson, pareto:1.5, on-off:1s,4s",
         "KIND");
    many(load, "--route", words.routes, "by weight, not the URL's path: '/a=3', 'POST /b=1'",
         "ROUTE");
    text("-X,--method", words.method, "GET (default), or POST where there is --data", "METHOD");
    many(load, "-H,--header", words.headers, "'Name: value'", "FIELD");
    text("-d,--data", words.data, "the body of each request", "TEXT");
    text("--host", words.host, "the Host to send (default: the URL's; of a log, what it says)",
         "NAME");
    load->add_option("--callers", words.callers, "so many callers, by X-Forwarded-For")
        ->type_name("N");
    load->add_option("--zipf", words.zipf, "the k-th caller asks 1/k^S as often (default 0: alike)")
        ->type_name("S");
    text("--caller-header", words.caller_header,
         "callers by this header instead; of a log: send its clients in it", "NAME");
    text("--caller-values", load_.caller_values, "what callers send in it, one a line: API keys",
         "FILE");
    load->add_option("--session", words.session,
                     "callers come for so many calls on average (default 1)")
        ->type_name("N");
    text("--pause", words.pause, "of a session, between calls on average (default 1s)", "TIME");
    load->add_option("--seed", words.seed, "another one makes other chances (default 1)")
        ->type_name("N");
    many(load, "--log", load_.logs, "send what an access log says, when it says", "LOG")
        ->allow_extra_args(true);
    many(load, "--recording", load_.recordings, "the same from a data_dir of weir", "DIR");
    text("--log-format", load_.log_format, "auto (default), or a format: weir help log-format",
         "FORMAT");
    many(load, "--field", load_.fields, "a field of the log that holds a fact: client=F", "FACT=F");
    text("--speed", words.speed, "of a log or recording: 2 is twice as fast (default 1)", "X");
    load->add_flag("--all-methods", load_.all_methods,
                   "of a log or recording, also those that change something");
    load->add_option("--connections", words.connections,
                     "at once, at most (default 256; in a closed loop 64, all of them)")
        ->type_name("N");
    text("--timeout", words.timeout, "for an answer, from when it was asked (default 10s)", "TIME");
    many(load, "--fail-if", words.fail_if, "exit 99 if it holds: 'p99 > 200ms', 'errors > 0.1%'",
         "THRESHOLD");
    text("--find-capacity", words.find_capacity,
         "the highest rate of each route at which this holds: 'p99 < 100ms'", "GOAL");
    load->add_flag("--anywhere", load_.anywhere, "targets that are on no private network too");
    text("--report", load_.html, "write an HTML page too", "FILE");
    output_option(load, load_.output);
  }

  int run_load() {
    one_kind_of_traffic(load_);
    if (!load_.words.find_capacity.empty() && !load_.html.empty())
      throw UsageError{"--report is of one run: not with --find-capacity"};
    return cmd::load(load_);
  }

  void add_export() {
    CLI::App* made =
        command("export", "Print recorded arrivals as JSON lines or CSV",
                "  weir export | jq -r 'select(.cause != \"none\") | .caller'\n"
                "  weir export /var/lib/weir -o csv > arrivals.csv\n"
                "  weir export --since 2026-10-04T14:00:00Z --until 2026-10-04T15:00:00Z",
                [this] { return cmd::export_arrivals(export_); });
    made->add_option("DIR", export_.folder,
                     "a data_dir, or its folder of segments (default: that of the configuration)");
    config_option(made, export_.config);
    made->add_option("--since", export_.since, "from this time on: 2026-10-04T14:00:00Z")
        ->type_name("TIME");
    made->add_option("--until", export_.until, "before this time")->type_name("TIME");
    const std::vector<std::string> forms = {"jsonl", "csv"};
    CLI::Option* output = made->add_option_function<std::string>(
        "-o,--output", [this](const std::string& word) { export_.csv = word == "csv"; },
        "jsonl or csv");
    output->check(CLI::IsMember(forms))->type_name("FORM")->option_text("FORM");
    values_[output] = forms;
  }

  CLI::Option* many(CLI::App* to, const std::string& name, std::vector<std::string>& into,
                    const std::string& what, const std::string& type) {
    return to->add_option(name, into, what + "; may be repeated")
        ->type_name(type)
        ->allow_extra_args(false);
  }

  template <class Options>
  static void one_kind_of_traffic(const Options& options) {
    if (!options.logs.empty() && !options.recordings.empty())
      throw UsageError{"--log and --recording do not go together"};
  }

  int run_advise() {
    one_kind_of_traffic(advise_);
    if (std::ranges::find(advise_.logs, "-") != advise_.logs.end()) {
      throw UsageError{"advise reads its input once for each value it proposes: --log FILE, not -"};
    }
    return cmd::advise(advise_);
  }

  int run_plan() {
    if (plan_.logs.empty() && plan_.recordings.empty()) {
      throw UsageError{"plan needs traffic to judge by: --log LOG or --recording DIR"};
    }
    one_kind_of_traffic(plan_);
    if (!plan_.file.empty() && !plan_.limits.empty()) {
      throw UsageError{"--limit judges one rule with nothing else: not with FILE"};
    }
    if (!plan_.limits.empty() && (!plan_.sets.empty() || !plan_.unsets.empty())) {
      throw UsageError{"--set and --unset change a FILE: not with --limit"};
    }
    if (!budget_requests_.empty()) {
      const bool percent = budget_requests_.ends_with('%');
      char* end = nullptr;
      const double number = std::strtod(budget_requests_.c_str(), &end);
      const std::string_view rest(end);
      if (end == budget_requests_.c_str() || !(rest.empty() || rest == "%") || !(number >= 0) ||
          number > (percent ? 100 : 1)) {
        throw UsageError{fmt::format("--budget-requests takes a share such as 0.1%, not {}",
                                     config::quote(budget_requests_))};
      }
      plan_.budget_requests = percent ? number / 100 : number;
    }
    return cmd::plan(plan_);
  }

  static void person_option(CLI::App* to, bool& person) {
    to->add_flag("--person", person, "a person asks, though there is no terminal: freezes and queues do not bind");
  }

  void add_running() {
    CLI::App* apply = command(
        "apply", "Take a file into the running gateway: planned, in shadow, canary, watched",
        "  weir apply gateway.yaml\n  weir apply gateway.yaml --reason 'CHG-1182: more for acme'\n"
        "  weir apply gateway.yaml --fast                    30 s of shadow, a minute of 5 %\n"
        "  weir apply gateway.yaml --now --reason 'outage'   at once, and watched\n"
        "Ctrl-C detaches: the change goes on (weir status, weir rollback).\n"
        "Exits with 0 (live), 3 (harm), 4 (not enough data), 5 (busy, stale), 1 (invalid).",
        [this] { return cmd::apply(apply_); });
    apply->add_option("FILE", apply_.file, "a file or a folder")->required();
    by_options(apply, apply_.author, apply_.reason);
    apply->add_option("--base", apply_.base, "refuse where another revision than this is live")
        ->type_name("rN");
    apply->add_flag("--retry", apply_.retry, "also a text that was taken back or refused")
        ->needs("--reason");
    CLI::Option* const fast = apply->add_flag("--fast", apply_.fast, "short stages");
    apply->add_flag("--now", apply_.now, "without plan and stages; recorded as forced, and watched")
        ->needs("--reason")
        ->excludes(fast);
    apply->add_option("--confirm-within", apply_.confirm_within,
                      "taken back by itself unless weir confirm comes within this time of going live")
        ->type_name("TIME");
    apply->add_flag("--protect", apply_.protect, "only a person may roll it back");
    apply->add_option("--wait", apply_.wait, "live (default), settled (its watched hour is over), none")
        ->check(CLI::IsMember({"live", "settled", "none"}));
    person_option(apply, apply_.person);
    where_options(apply, apply_.where);
    output_option(apply, apply_.output);

    CLI::App* promote = command("promote", "End the present stage of the change under way: it goes on to the next",
                                "  weir promote", [this] { return cmd::promote(promote_); });
    promote->add_option("--author", promote_.author, "who; left out: who is logged in");
    person_option(promote, promote_.person);
    where_options(promote, promote_.where);
    output_option(promote, promote_.output);

    CLI::App* confirm = command("confirm", "Confirm a change made with --confirm-within: it stays",
                                "  weir confirm", [this] { return cmd::confirm(promote_); });
    where_options(confirm, promote_.where);
    output_option(confirm, promote_.output);

    CLI::App* rollback = command(
        "rollback", "Return to an earlier revision; what is left is not taken again unless asked for",
        "  weir rollback --reason 'checkout fails'      to what was live before\n"
        "  weir rollback r42\n"
        "A change that is still on its way is stopped.",
        [this] { return cmd::rollback(rollback_); });
    rollback->add_option("REVISION", rollback_.to, "r42; left out: what was live before");
    by_options(rollback, rollback_.author, rollback_.reason);
    person_option(rollback, rollback_.person);
    where_options(rollback, rollback_.where);
    output_option(rollback, rollback_.output);

    CLI::App* change = command(
        "change", "Announce a deploy behind the gateway: before against after, and whether it did harm",
        "  weir change orders v42                        an upstream, watched for an hour\n"
        "  weir change worker v9 --watch 10m             a caller\n"
        "  weir change checkout v42                      a route with a stable and a candidate part\n"
        "  weir change list                              what was announced, and what came of it\n"
        "Announce it before the first instance runs the new version. Nothing is changed in the gateway.\n"
        "Ctrl-C detaches: it is still watched (weir status).\n"
        "Exits with 0 (healthy), 3 (harmed), 4 (not enough data), 5 (busy, not running).",
        [this] { return cmd::change(change_); });
    change->add_option("SUBJECT", change_.subject, "the name of an upstream, a caller, a route, or of several");
    CLI::Option* version = change->add_option("VERSION", change_.version, "what it runs from now on");
    change->require_subcommand(0, 1);
    change->callback([this, change, version] {
      if (!change->get_subcommands().empty()) return;
      chosen_ = [this, whole = version->count() > 0] {
        if (!whole) throw UsageError{"change needs a SUBJECT and its VERSION, or list, or show NUMBER"};
        return cmd::change(change_);
      };
    });
    const auto looks = [&](const std::string& name, const std::string& what, int (*does)(const ChangeOptions&)) {
      CLI::App* sub = change->add_subcommand(name, what);
      sub->callback([this, does] { chosen_ = [this, does] { return does(change_); }; });
      where_options(sub, change_.where);
      output_option(sub, change_.output);
      return sub;
    };
    looks("list", "What was announced, the newest first, and what came of it", change_list)
        ->add_option("--limit", change_.limit, "how many")->check(CLI::Range(1u, 1000u))->type_name("N")->capture_default_str();
    looks("show", "One of them, and what it goes by", change_show)->add_option("NUMBER", change_.number, "as list says it")->required();
    change->add_option("--watch", change_.watch, "for how long (default 1h; 5s to 24h)")->type_name("TIME");
    change->add_flag("--no-wait", change_.no_wait, "announce it, and do not wait for what comes of it");
    by_options(change, change_.author, change_.reason);
    where_options(change, change_.where);
    output_option(change, change_.output);

    CLI::App* diff = command("diff", "Say what changes between two configurations, by meaning",
                             "  weir diff                     from what is live to the file\n"
                             "  weir diff new.yaml            from what is live to another file\n"
                             "  weir diff r42                 from r42 to what is live\n"
                             "  weir diff r41 r42\n  weir diff old.yaml new.yaml",
                             [this] { return cmd::diff(diff_); });
    diff->add_option("FROM", diff_.from, "a file, a revision, or: live");
    diff->add_option("TO", diff_.to, "the same");
    where_options(diff, diff_.where);
    output_option(diff, diff_.output);

    CLI::App* history = command("history", "List what ran: which revision, from when, by whom, why",
                                "  weir history\n  weir history -n 100 -o json",
                                [this] { return cmd::history(history_); });
    history->add_option("-n", history_.most, "how many, the newest first")
        ->type_name("N")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    where_options(history, history_.where);
    output_option(history, history_.output);

    CLI::App* explain = command(
        "explain", "Say what would be decided about a request, or was, and why; spends nothing",
        "  weir explain GET http://api.example.com/users/1\n  weir explain GET /orders -H "
        "'X-Api-Key: weir_…' --client 192.0.2.7\n"
        "  weir explain 61f0c2d89ab30000000069cd9ba2000001    an X-Request-Id",
        [this] { return run_explain(); });
    explain
        ->add_option("METHOD", explain_.method,
                     "GET, POST, …; or the REQUEST_ID of an exchange of the past")
        ->required();
    explain->add_option("URL", explain_.url, "of the request, not with a REQUEST_ID");
    explain
        ->add_option("-H,--header", explain_.headers,
                     "a header field, 'Name: value'; may be repeated")
        ->type_name("FIELD")
        ->allow_extra_args(false);
    explain->add_option("--client", explain_.client, "the address that asks (default 127.0.0.1)")
        ->type_name("ADDRESS");
    where_options(explain, explain_.where);
    output_option(explain, explain_.output);

    CLI::App* status =
        command("status", "Say what runs, what it carried and what it refused",
                "  weir status\n  weir status -o json", [this] { return cmd::status(status_); });
    where_options(status, status_.where);
    output_option(status, status_.output);

    CLI::App* top = command(
        "top", "Show who asks how often, live: beside what is usual, or all kinds at once",
        "  weir top --by edge             caller -> upstream: the one most above its usual rate first\n"
        "  weir top --by caller --once -o json\n"
        "  weir top                       routes, callers, endpoints and refusals",
        [this] { return cmd::top(top_); });
    values_[top->add_option("--by", top_.by, "caller, route, endpoint or edge, beside its usual rate")
                ->check(CLI::IsMember({"caller", "route", "endpoint", "edge"}))
                ->type_name("KIND")
                ->option_text("KIND")] = {"caller", "route", "endpoint", "edge"};
    top->add_option("-n", top_.rows, "rows of a kind (default 20 with --by, else 8)")
        ->check(CLI::Range(1u, 1000u))
        ->type_name("N");
    top->add_flag("--once", top_.once, "one picture, then end");
    top->add_option("--seconds", top_.seconds, "between two pictures (default 1 with --by, else 2)")
        ->check(CLI::Range(1u, 60u))
        ->type_name("N");
    where_options(top, top_.where);
    output_option(top, top_.output);

    add_override();
    add_callers();

    CLI::App* drain = command("drain", "Let the gateway finish what is under way and end",
                              "  weir drain", [this] { return cmd::drain(drain_); });
    where_options(drain, drain_.where);
    output_option(drain, drain_.output);
  }

  void add_override() {
    CLI::App* all = app_.add_subcommand("override", "Temporary changes over what is live, each with an end");
    all->require_subcommand(1);
    all->footer(
        "What it may do:\n"
        "  cap caller NAME RATE       cap net NET RATE        refused above that: 429 caller_capped\n"
        "  block caller NAME          block net NET           refused: 403 caller_capped\n"
        "  drain endpoint ADDRESS     weigh endpoint ADDRESS N    [of UPSTREAM]\n"
        "  observe limit NAME         scale limit NAME 2\n"
        "  shed priority sheddable    pause route NAME        refused: 503 paused\n"
        "  give back route NAME from UPSTREAM                 a split's candidate to its stable part\n"
        "Examples:\n  weir override add block net 192.0.2.0/24 --for 30m --reason 'scans the login'\n"
        "  weir override add cap caller 'acme-*' 20/s --reason 'runs wild'\n"
        "  weir override list --ended 10\n  weir override remove o3\n"
        "It is rehearsed over the recording first and says whom it hurts; known callers only with --yes.");
    const auto made = [&](const std::string& name, const std::string& what, int (*does)(const OverrideOptions&)) {
      CLI::App* sub = all->add_subcommand(name, what);
      sub->callback([this, does] { chosen_ = [this, does] { return does(override_); }; });
      where_options(sub, override_.where);
      output_option(sub, override_.output);
      return sub;
    };
    CLI::App* add = made("add", "Lay one over what is live, until it ends by itself", override_add);
    add->add_option("WHAT", override_.words, "block net 192.0.2.0/24, say; weir help override has all")->required();
    add->add_option("--for", override_.lasts, "it ends by itself then; at most 30d")->type_name("TIME")->capture_default_str();
    by_options(add, override_.author, override_.reason);
    add->get_option("--reason")->required();
    add->add_flag("--yes", override_.yes, "also where it hurts known callers");
    add->add_flag("--person", override_.person, "a person wants it, though there is no terminal");
    CLI::App* list = made("list", "Those in force: what, by whom, why, until when", override_list);
    list->add_option("--ended", override_.ended, "and so many that ended")->check(CLI::Range(0u, 1000u))->type_name("N");
    CLI::App* remove = made("remove", "Take one away before its time", override_remove);
    remove->add_option("NAME", override_.name, "o3")->required();
    by_options(remove, override_.author, override_.reason);
  }

  void add_callers() {
    CLI::App* list =
        app_.add_subcommand("callers", "Say who calls, who is known, and who is being refused");
    list->require_subcommand(0, 1);
    list->footer(
        "Examples:\n  weir callers                         those most refused first\n"
        "  weir callers --by requests --limit 50\n"
        "  weir callers show partner-hub        is it being hurt, by which rule, since when\n"
        "  weir callers --data-dir /var/lib/weir    without a running gateway\n"
        "A caller is named by its credential, else by its address (IPv6 by /64).");
    list->callback([this, list] {
      if (list->get_subcommands().empty()) chosen_ = [this] { return cmd::callers(callers_); };
    });
    CLI::Option* by = list->add_option("--by", callers_.by, "what the list begins with")
                          ->check(CLI::IsMember({"refused", "requests", "last_seen"}))
                          ->type_name("ORDER")
                          ->option_text("ORDER");
    values_[by] = {"refused", "requests", "last_seen"};
    list->add_option("--limit", callers_.limit, "how many (default 20)")
        ->check(CLI::Range(1u, 10'000u))
        ->type_name("N");
    CLI::App* show =
        list->add_subcommand("show", "One caller: hurt or not, by which rule, since when");
    show->callback([this] { chosen_ = [this] { return cmd::callers(callers_); }; });
    show->footer(
        "Examples:\n  weir callers show partner-hub\n  weir callers show 192.0.2.7 -o json");
    show->add_option("NAME", callers_.name, "of a credential, or an address")->required();
    for (CLI::App* each : {list, show}) {
      where_options(each, callers_.where);
      each->add_option("--data-dir", callers_.data_dir,
                       "read this data_dir, and ask no running gateway")
          ->type_name("DIR");
      output_option(each, callers_.output);
    }
  }

  void add_keys() {
    CLI::App* keys = app_.add_subcommand("keys", "Add, list and revoke API keys");
    keys->require_subcommand(1);
    keys->footer(
        "Examples:\n  weir keys add acme --groups partners,eu --expires 2027-01-31T00:00:00Z\n  "
        "weir keys list\n  weir keys revoke acme\n"
        "The file holds digests only; a key is printed once, when it is made.");
    const auto add = [&](const std::string& name, const std::string& what,
                         int (*does)(const KeysOptions&)) {
      CLI::App* made = keys->add_subcommand(name, what);
      made->callback([this, does] { chosen_ = [this, does] { return does(keys_); }; });
      config_option(made, keys_.config);
      made->add_option("--file", keys_.file,
                       "the file of keys (default: the one that the configuration names)")
          ->type_name("FILE");
      output_option(made, keys_.output);
      return made;
    };
    CLI::App* make = add("add", "Make a key and print it, once", keys_add);
    make->add_option("NAME", keys_.name, "whose key it is")->required()->check(printable_name);
    make->add_option("--groups", keys_.groups, "groups of the caller, separated by commas")
        ->delimiter(',')
        ->type_name("NAMES")
        ->allow_extra_args(false);
    make->add_option("--expires", keys_.expires, "from then on it is refused: 2027-01-31T00:00:00Z")
        ->type_name("TIME");
    add("list", "List the keys by name and digest", keys_list);
    add("revoke", "Take all keys of a name away", keys_revoke)
        ->add_option("NAME", keys_.name, "whose keys")
        ->required();
  }

  void add_import() {
    CLI::App* import = command(
        "import",
        "Make a configuration of an nginx.conf; or take a log into recorder and caller directory",
        "  weir import /etc/nginx/nginx.conf --out weir.yaml\n"
        "  weir import nginx.conf --listen 0.0.0.0:443       what is served on this address\n"
        "  weir import nginx.conf --out weir.yaml --report json > report.json\n"
        "  weir import --log access.log* -c gateway.yaml     so that callers are known from the "
        "first day\n"
        "  weir import --recording /var/lib/old-weir\n"
        "The report goes to standard output with --out and --log, else to standard error. A log "
        "is\n"
        "not counted twice: of one that was imported before only what is later is taken.",
        [this] { return run_import(); });
    import->add_option("FILE", import_.file, "an nginx configuration");
    traffic_options(import, import_);
    config_option(import, import_.config);
    import
        ->add_option("--data-dir", import_.data_dir,
                     "where to (default: that of the configuration)")
        ->type_name("DIR");
    import
        ->add_option("--out", import_.out,
                     "what to write (default: standard output); never over a file that is there")
        ->type_name("FILE");
    import
        ->add_option(
            "--listen", import_.listen,
            "of several addresses this one (default: the one with most locations that forward)")
        ->type_name("ADDRESS");
    CLI::Option* report = import->add_option_function<std::string>(
        "--report",
        [this](const std::string& word) {
          import_.report = word == "json" ? Output::json : Output::text;
        },
        "the report as text or json");
    const std::vector<std::string> words = {"text", "json"};
    report->check(CLI::IsMember(words))->type_name("FORM")->option_text("FORM");
    values_[report] = words;
  }

  void add_drill() {
    CLI::App* drill =
        app_.add_subcommand("drill", "Rehearse incidents with real processes on this machine");
    drill->require_subcommand(1);
    drill->footer(
        "Examples:\n  weir drill run slow.yaml\n"
        "  weir drill upstream --listen 127.0.0.1:9001 --workers 8 --latency 'lognormal(20ms, 0.4)'\n"
        "  weir drill fault --listen 127.0.0.1:9101 --to 127.0.0.1:9001 --fault 'delay 200ms'\n"
        "Scenarios, faults and what they look like: docs/guide/drill.md");
    const auto add = [&](const std::string& name, const std::string& what,
                         std::function<int()> does) {
      CLI::App* made = drill->add_subcommand(name, what);
      made->callback([this, does = std::move(does)] { chosen_ = does; });
      return made;
    };
    CLI::App* run = add("run", "Run a scenario: upstreams, faults, the gateway and its traffic",
                        [this] { return drill_run(drill_run_); });
    run->add_option("FILE", drill_run_.file, "the scenario")->required();
    run->add_option("--keep", drill_run_.keep,
                    "leave configurations, logs and data of the processes in this folder")
        ->type_name("DIR");
    output_option(run, drill_run_.output);
    run->footer(
        "Examples:\n  weir drill run examples/drill/slow.yaml\n"
        "  weir drill run examples/drill/t0.yaml -o json --keep /tmp/t0\n"
        "Exit codes: 0 as expected, 99 not, 1 it did not run or was interrupted; 2 as ever.");

    CLI::App* upstream = add("upstream", "A simulated service: workers, a queue, latency, errors",
                             [this] { return drill_upstream(drill_upstream_); });
    process_options(upstream, drill_upstream_);
    upstream
        ->add_option("--behaviour", drill_upstream_.behaviour,
                     "several of the following at once, as a YAML mapping")
        ->type_name("YAML");
    const std::vector<DrillKey> keys = drill_upstream_keys();
    drill_upstream_.values.reserve(keys.size());   // options point into it
    for (const DrillKey& key : keys) {
      auto& value = drill_upstream_.values.emplace_back(key.key, "").second;
      std::string name = "--" + key.key;
      std::ranges::replace(name, '_', '-');
      upstream->add_option(name, value, key.what)->type_name(key.example);
    }
    upstream->footer(
        "Examples:\n  weir drill upstream --listen 127.0.0.1:9001 --workers 2 --latency 40ms "
        "--queue 64\n"
        "  curl http://CONTROL/                                 what is set, what was counted\n"
        "  curl -X PUT -d '{slowdown: 4, errors: 30%}' http://CONTROL/");

    CLI::App* fault = add("fault", "A TCP proxy with faults: delay, reset, blackhole, trickle, …",
                          [this] { return drill_fault(drill_fault_); });
    process_options(fault, drill_fault_);
    fault->add_option("--to", drill_fault_.to, "where connections go on to")
        ->type_name("ADDRESS")
        ->required();
    many(fault, "--fault", drill_fault_.faults, "what is done to them", "FAULT");
    fault->footer(
        "Faults:\n"
        "  delay 200ms [jitter 50ms] [up|down]    rate 10KiB/s [up|down]\n"
        "  trickle 1B every 100ms [up|down]       corrupt 0.1% [up|down]\n"
        "  reset [after 1KiB]                     half-open [after 1KiB]\n"
        "  blackhole                              behind all others: on 5%, of the requests\n"
        "Examples:\n  weir drill fault --to 127.0.0.1:9001 --fault 'delay 200ms' --fault 'reset on "
        "5%'\n"
        "  curl -X PUT -d '{faults: [blackhole]}' http://CONTROL/\n"
        "  curl -X PUT -d '{faults: []}' http://CONTROL/");
  }

  template <class Options>
  static void process_options(CLI::App* to, Options& options) {
    to->add_option("--listen", options.listen, "where it listens (default: a free port of 127.0.0.1)")
        ->type_name("ADDRESS");
    to->add_option("--control", options.control,
                   "where it can be changed, on loopback (default: a free port)")
        ->type_name("ADDRESS");
    to->add_option("--seed", options.seed, "chance is drawn from it (default 1)")->type_name("N");
  }

  void add_others() {
    CLI::App* version =
        command("version", "Print the version", "", [this] { return cmd::version(version_); });
    output_option(version, version_.output);
    CLI::App* completion =
        command("completion", "Print a completion script for a shell",
                "  source <(weir completion bash)\n  weir completion fish | source",
                [this] { return run_completion(); });
    values_[completion->add_option("SHELL", shell_, "bash, zsh or fish")
                ->required()
                ->check(CLI::IsMember({"bash", "zsh", "fish"}))] = {"bash", "zsh", "fish"};
    CLI::App* help =
        command("help", "Say more about a command", "  weir help run\n  weir help keys add",
                [this] { return run_help(); });
    help->add_option("COMMAND", words_, "which");
    for (const char* name : kLater) {
      CLI::App* later = app_.add_subcommand(name)->group("");
      later->set_help_flag();
      later->prefix_command();
      later->callback([this, name] {
        chosen_ = [name]() -> int {
          throw UsageError{
              fmt::format("weir {} is not in this version ({})", name, control::kVersion)};
        };
      });
    }
  }

  static std::string printable_name(const std::string& name) {
    const bool fine =
        !name.empty() && name.size() <= 128 &&
        std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c != 0x7F; });
    return fine ? "" : "a name has 1 to 128 bytes without blanks or control characters";
  }

  int run_import() {
    const bool traffic = !import_.logs.empty() || !import_.recordings.empty();
    one_kind_of_traffic(import_);
    if (traffic == !import_.file.empty()) {
      throw UsageError{traffic ? "an nginx.conf, or --log and --recording: not both"
                               : "what to import: an nginx.conf, --log LOG or --recording DIR"};
    }
    if (traffic && (!import_.out.empty() || !import_.listen.empty()))
      throw UsageError{"--out and --listen are for an nginx.conf"};
    return traffic ? cmd::import_traffic(import_) : cmd::import(import_);
  }

  int run_explain() {
    if (explain_.url.empty() && !parse_request_id(explain_.method)) {
      throw UsageError{fmt::format(
          "weir explain takes METHOD URL, or a REQUEST_ID of 32 hex digits; {} is neither",
          config::quote(explain_.method))};
    }
    if (explain_.url.empty()) explain_.request_id = explain_.method;
    return cmd::explain(explain_);
  }

  int run_completion() {
    print(completion_script(tree(app_), shell_));
    return kFine;
  }

  int run_help() {
    if (words_ == std::vector<std::string>{"log-format"}) {
      print(log_format_help());
      return kFine;
    }
    const CLI::App* at = &app_;
    std::string above;  // "weir keys", for the line of usage
    for (const std::string& word : words_) {
      const auto below = at->get_subcommands([&](const CLI::App* each) {
        return each->get_name() == word && !each->get_group().empty();
      });
      if (below.empty()) throw UsageError{unknown_command(word)};
      above += (above.empty() ? "" : " ") + at->get_name();
      at = below.front();
    }
    print(at->help(above));
    return kFine;
  }

  Word tree(const CLI::App& app) const {
    Word word{.name = app.get_name(), .what = app.get_description()};
    for (const CLI::Option* option : app.get_options()) {
      const auto values = values_.find(option);
      if (option->get_positional()) {
        word.takes_file = word.takes_file || option->get_name(true) == "FILE";
        if (values != values_.end()) {  // the words that may stand there
          for (const std::string& value : values->second) word.below.push_back({.name = value});
        }
        continue;
      }
      if (option->get_group().empty()) continue;
      Word::Flag flag{.what = option->get_description(),
                      .takes_value = option->get_items_expected_max() > 0};
      for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
      for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
      if (values != values_.end()) flag.values = values->second;
      word.flags.push_back(std::move(flag));
    }
    for (const CLI::App* below :
         app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
      word.below.push_back(tree(*below));
    }
    return word;
  }

  std::string unknown_command(const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::App* each :
         app_.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
      names.push_back(each->get_name());
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view near = config::nearest(word, views);
    return fmt::format("there is no command {}{}", config::quote(word),
                       near.empty() ? std::string() : fmt::format("; did you mean {}?", near));
  }

  std::string unknown_words(const std::string& what) const {
    const auto rest = app_.remaining();
    if (app_.get_subcommands().empty() && !rest.empty() && !rest.front().starts_with('-'))
      return unknown_command(rest.front());
    return what;
  }

  int usage(const std::string& text) {
    complain(config::printable(text));
    const auto chosen = app_.get_subcommands();
    complain(fmt::format("see: weir help{}", chosen.empty() || chosen.front()->get_group().empty()
                                                 ? ""
                                                 : " " + chosen.front()->get_name()));
    return kUsage;
  }

  void flush() {
    print(stdout_.str());
    std::fputs(stderr_.str().c_str(), stderr);
  }

  std::vector<std::string> arguments_;
  CLI::App app_{"weir: an API gateway that explains itself", "weir"};
  std::function<int()> chosen_;
  std::map<const CLI::Option*, std::vector<std::string>> values_;
  std::vector<std::string> words_;
  std::string shell_, ignored_;
  std::ostringstream stdout_, stderr_;
  RunOptions run_;
  InitOptions init_;
  CheckOptions check_;
  ShowOptions show_;
  ImportOptions import_;
  ApplyOptions apply_;
  PromoteOptions promote_;
  RollbackOptions rollback_;
  ChangeOptions change_;
  OverrideOptions override_;
  HistoryOptions history_;
  DiffOptions diff_;
  PlanOptions plan_;
  AdviseOptions advise_;
  TestOptions test_;
  LoadOptions load_;
  ExportOptions export_;
  std::string budget_requests_;
  ExplainOptions explain_;
  StatusOptions status_;
  TopOptions top_;
  CallersOptions callers_;
  KeysOptions keys_;
  DrainOptions drain_;
  VersionOptions version_;
  DrillRunOptions drill_run_;
  DrillUpstreamOptions drill_upstream_;
  DrillFaultOptions drill_fault_;
};

}  // namespace

int command_line(int argc, char** argv) { return CommandLine({argv, argv + argc}).parse_and_run(); }

}  // namespace weir::cmd
