"""Names that may not stand in a room, each with what to write instead. A row is: who it binds, what it looks for (in
code, comments and literals blanked, or in the name of an include), what to write instead."""
import re

from .sources import Finding

PURE, WORLD, ALL = "pure", "world", "all"

# Where the clock, chance, sleep and the environment may be named (STYLE, rule of thumb 7).
WORLDLY = {"io", "load", "drill", "cmd"}
# Who may open files.
FILES = {"io", "store", "cmd", "control", "export", "drill", "load"}

_CALL = r"(?<![\w.>:])(?:{})\s*\("

CODE = [
    # (rule, pattern, who, rooms excepted, instead)
    ("clock", r"\b(system_clock|steady_clock|high_resolution_clock)\b", ALL, WORLDLY,
     "take the Stamp or WallTime as an argument; only io/ reads a clock"),
    ("clock", _CALL.format(r"(?:::)?(?:std::)?(clock_gettime|gettimeofday|time|localtime_r?|gmtime|clock)"), ALL, WORLDLY,
     "take the Stamp or WallTime as an argument; only io/ reads a clock"),
    ("chance", r"\b(random_device|mt19937(_64)?|default_random_engine|uniform_int_distribution)\b", ALL, WORLDLY,
     "use draw(seed, exchange, purpose, attempt) of base/hash.h, or take bytes from io/"),
    ("chance", _CALL.format(r"(?:std::|::)?(?:rand|srand|getrandom|getentropy)|::random"), ALL, WORLDLY,
     "use draw(seed, exchange, purpose, attempt) of base/hash.h, or take bytes from io/"),
    ("environment", r"\b(secure_)?getenv\b|\benviron\b", ALL, WORLDLY, "read it in cmd/ and pass the value in"),
    ("sleep", r"\bthis_thread::sleep_|\b(usleep|nanosleep)\s*\(", ALL, WORLDLY, "wait on a timer of io/, with a deadline"),
    ("thread", r"\bstd::(thread|jthread|mutex|shared_mutex|recursive_mutex|condition_variable|async|future|promise)\b", PURE, set(),
     "a pure room is called by one thread at a time; threads and mailboxes live in io/ and control/"),
    ("thread", r"\bthread_local\b", ALL, {"io"}, "pass the state in; io/ alone keeps a pool per thread"),
    ("atomic", r"\bstd::(atomic\w*|memory_order\w*)\b|\b__atomic_\w+", PURE, set(),
     "a pure room holds plain values; shared counters belong to decide/limits or to floor 4 and up"),
    ("file", r"\bstd::(filesystem|[io]?fstream)\b|" + _CALL.format("(::)?fopen|::open|::openat|::creat"), ALL, FILES,
     "take the bytes; opening files is store/'s or cmd/'s"),
    ("socket", _CALL.format("::(socket|connect|accept4?|bind|listen|send|recv|sendmsg|recvmsg|epoll_wait)"), ALL, {"io", "cmd"},
     "sockets are io/'s"),
    ("assert", _CALL.format(r"assert"), ALL, set(), "WEIR_CHECK (base/check.h), which stays on in every build"),
    ("exit", _CALL.format(r"(std|)::_?(exit|abort|quick_exit|terminate)"), ALL, {"cmd", "base", "io"},
     "return an Error, or WEIR_CHECK for a programmer error"),
    ("unsafe", _CALL.format(r"(?:std::)?(sprintf|strcpy|strcat|gets|strtok|atoi|atol|alloca)"), ALL, set(),
     "fmt::format, std::string, std::from_chars"),
    ("system", _CALL.format(r"(?:std::)?(system|popen)"), ALL, set(), "no shell is started by the gateway"),
    ("iostream", r"\bstd::(cout|cerr|clog|endl)\b", ALL, {"cmd"}, "return text, or fmt::print in cmd/"),
    ("using", r"^\s*using\s+namespace\s+(?!std::(chrono_|string_view_|string_)?literals)", ALL, set(), "name what is used"),
    ("names", r"\b(class|struct)\s+\w*(Manager|Helper|Util|Utils|Impl)\b", ALL, set(),
     "name the thing by what it is or does (docs/GLOSSARY.md)"),
    ("global", r"^(static\s+|inline\s+)?(?!.*\b(const|constexpr|constinit|thread_local|using|typedef|extern|return|template|friend|class|"
     r"struct|enum|namespace|if|for|while|case|public|private|goto)\b)[A-Za-z_][\w:<>,*& ]*\s+[a-z_]\w*(\{[^()]*\}|\s*=[^=(){}]*)?;\s*$",
     ALL, set(), "no mutable globals: pass it in, wire it in cmd/"),
    ("global", r"^\s+static\s+(?!const\b|constexpr\b|constinit const|assert|_assert)[\w:<>,*& ]+\s\w+\s*(=|;|\{[^}]*\};)", ALL, set(),
     "no static state: pass it in"),
]

INCLUDES = [
    ("clock", r"^(ctime|time\.h|sys/time\.h)$", PURE, "base/time.h, with the stamp passed in"),
    ("thread", r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|pthread\.h)$", PURE,
     "a pure room is called by one thread at a time"),
    ("atomic", r"^(atomic|stdatomic\.h)$", PURE, "only decide/limits shares counters between threads"),
    ("file", r"^(fstream|filesystem|fcntl\.h|sys/stat\.h|dirent\.h|sys/mman\.h|unistd\.h)$", PURE,
     "take the bytes; opening files is store/'s or cmd/'s"),
    ("socket", r"^(sys/socket\.h|netinet/.*|netdb\.h|sys/epoll\.h|poll\.h|sys/un\.h|ares\.h)$", PURE, "sockets are io/'s"),
    ("chance", r"^(random|sys/random\.h)$", PURE, "draw() of base/hash.h"),
    ("iostream", r"^iostream$", ALL, "fmt/core.h; <iostream> costs every start-up"),
    ("assert", r"^(cassert|assert\.h)$", ALL, '"base/check.h"'),
    ("umbrella", r"^bits/", ALL, "the standard header by its name"),
    ("umbrella", r"^boost/(asio|beast|json|url|container|unordered)\.hpp$", ALL, "the one header that is needed, e.g. <boost/json/value.hpp>"),
    ("umbrella", r"^gmock/gmock\.h$", ALL, "gtest/gtest.h; a fake is a value, not a mock"),
    ("umbrella", r"^(simdjson\.h)$", "head", "include it in one .cc, never in a header: it is 1 s of every compile"),
    ("umbrella", r"^CLI/CLI\.hpp$", "head", "include it in one .cc of cmd/"),
]


def _bound(who, pure, source):
    if who == PURE:
        return pure
    if who == "head":
        return source.path.suffix == ".h"
    return True


def code(tree):
    compiled = [(rule, re.compile(pattern), who, excepted, instead) for rule, pattern, who, excepted, instead in CODE]
    for source in tree.cpp():
        if source.is_test or source.room not in tree.layers.pure:
            continue
        pure = tree.layers.pure[source.room]
        in_limits = str(source.path).startswith("src/decide/limits")
        for rule, pattern, who, excepted, instead in compiled:
            if not _bound(who, pure, source) or source.room in excepted or (rule == "atomic" and in_limits):
                continue
            for number, line in enumerate(source.code, 1):
                match = pattern.search(line)
                if match and not line.lstrip().startswith("#"):
                    yield Finding(str(source.path), number, rule, f"'{match.group(0).strip()}': {instead}")


def included(tree):
    compiled = [(rule, re.compile(pattern), who, instead) for rule, pattern, who, instead in INCLUDES]
    for source in tree.cpp():
        pure = tree.layers.pure.get(source.room, False)
        in_limits = str(source.path).startswith("src/decide/limits")
        for line, name, _ in source.includes:
            for rule, pattern, who, instead in compiled:
                if source.is_test and rule != "umbrella":
                    continue
                if pattern.match(name) and _bound(who, pure, source) and not (rule == "atomic" and in_limits):
                    yield Finding(str(source.path), line, rule, f"#include <{name}>: {instead}")


RULES = [code, included]
