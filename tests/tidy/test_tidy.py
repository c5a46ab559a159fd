"""The test of the test: every rule of tools/tidy.py fires on its bad example, is silent on the good twin beside it, and
says what to write instead. The examples live in a small tree of their own, made anew for each."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tidy import findings   # noqa: E402

LAYERS = """# floors
0 base   pure  :
1 http   pure  : base
2 decide pure  : base
4 io     world : base
6 proxy  world : base http decide io
8 cmd    world : base http decide io proxy
"""
COMMENT = "// What this file is for, in a line or two.\n"
HEADER = COMMENT + "#pragma once\n"


def found(tmp_path, files, fast=True):
    (tmp_path / "src").mkdir(parents=True)
    (tmp_path / "src/layers.txt").write_text(LAYERS)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [f for f in findings(tmp_path, fast) if not f.warning]


# rule, file, bad text, good text
EXAMPLES = [
    ("layers", "src/http/a.cc", '#include "proxy/b.h"\n', '#include "base/b.h"\n'),
    ("layers", "src/decide/a.cc", '#include "http/b.h"\n', '#include "base/b.h"\n'),
    ("layers", "src/proxy/a.cc", '#include "b.h"\n', '#include "proxy/b.h"\n'),
    ("layers", "src/proxy/a.cc", "#include <base/b.h>\n", '#include "base/b.h"\n'),
    ("layers", "src/nowhere/a.cc", "int f();\n", None),
    ("clock", "src/decide/a.cc", "auto t = std::chrono::steady_clock::now();\n", "Stamp f(Stamp now) { return now; }\n"),
    ("clock", "src/proxy/a.cc", "auto t = time(nullptr);\n", "auto t = response_time(record);\n"),
    ("clock", "src/http/a.cc", "#include <ctime>\n", "#include <chrono>\n"),
    ("chance", "src/decide/a.cc", "#include <random>\n", '#include "base/b.h"\n'),
    ("chance", "src/proxy/a.cc", "int f() { return rand(); }\n", "int f() { return strand(); }\n"),
    ("environment", "src/proxy/a.cc", 'const char* e = std::getenv("HOME");\n', None),
    ("sleep", "src/proxy/a.cc", "void f() { std::this_thread::sleep_for(1s); }\n", "Task<> f() { co_await io::sleep_for(1s); }\n"),
    ("thread", "src/decide/a.cc", "#include <mutex>\n", "#include <span>\n"),
    ("thread", "src/decide/a.cc", "void f(std::mutex& m);\n", "void f(permutex& m);\n"),
    ("thread", "src/proxy/a.cc", "thread_local int depth = 0;\n", None),
    ("atomic", "src/decide/a.cc", "void f(std::atomic<int>& n);\n", None),
    ("file", "src/decide/a.cc", "#include <fstream>\n", "#include <string>\n"),
    ("file", "src/proxy/a.cc", "int f(const char* p) { return ::open(p, 0); }\n", "int f(Node& n) { return n.open(0); }\n"),
    ("socket", "src/http/a.cc", "#include <sys/socket.h>\n", None),
    ("socket", "src/proxy/a.cc", "int f() { return ::socket(1, 1, 0); }\n", "auto f(Kernel& k) { return k.connect(peer); }\n"),
    ("assert", "src/http/a.cc", "void f(int n) { assert(n > 0); }\n", "void f(int n) { WEIR_CHECK(n > 0); }\n"),
    ("assert", "src/http/a.cc", "#include <cassert>\n", '#include "base/b.h"\n'),
    ("exit", "src/http/a.cc", "void f() { std::abort(); }\n", "void f(S& s) { s.abort(); }\n"),
    ("unsafe", "src/http/a.cc", "int f(const char* s) { return std::atoi(s); }\n", "int f(const char* s) { return parse(s); }\n"),
    ("system", "src/cmd/a.cc", 'void f() { std::system("ls"); }\n', "void f() { file_system(0); }\n"),
    ("iostream", "src/http/a.cc", "#include <iostream>\n", "#include <fmt/core.h>\n"),
    ("iostream", "src/http/a.cc", "void f() { std::cout << 1; }\n", None),
    ("using", "src/http/a.cc", "using namespace std;\n", "using namespace std::chrono_literals;\n"),
    ("names", "src/http/a.cc", "class RouteManager {};\n", "class RouteTable {};\n"),
    ("global", "src/http/a.cc", "int counter = 0;\n", "constexpr int kCounter = 0;\n"),
    ("global", "src/http/a.cc", "std::string names;\n", "const std::string kName;\n"),
    ("global", "src/http/a.cc", "int f() {\n  static int n = 0;\n  return n;\n}\n", "int f() {\n  static constexpr int n = 0;\n  return n;\n}\n"),
    ("umbrella", "src/http/a.cc", "#include <bits/stdc++.h>\n", "#include <vector>\n"),
    ("umbrella", "src/http/a.cc", "#include <boost/json.hpp>\n", "#include <boost/json/value.hpp>\n"),
    ("todo", "src/http/a.cc", "// TODO: later\n", "// TODO(#12): later\n"),
    ("todo", "src/http/a.cc", "// FIXME\n", None),
    ("dead", "src/http/notes.cc.orig", "x\n", None),
]


@pytest.mark.parametrize("rule,name,bad,good", EXAMPLES, ids=[f"{e[0]}-{i}" for i, e in enumerate(EXAMPLES)])
def test_a_rule_fires_on_the_bad_example_and_not_on_its_twin(tmp_path, rule, name, bad, good):
    around = {"src/base/b.h": HEADER, "src/http/b.h": HEADER, "src/proxy/b.h": HEADER,
              "src/proxy/user.cc": COMMENT + '#include "base/b.h"\n#include "http/b.h"\n#include "proxy/b.h"\n'}
    assert found(tmp_path / "around", around) == [], "the tree around the example is clean"
    fired = found(tmp_path / "bad", {**around, name: COMMENT + bad})
    assert [f.rule for f in fired] == [rule], fired
    assert fired[0].path == name and len(fired[0].text) > 10
    if good is not None:
        assert found(tmp_path / "good", {**around, name: COMMENT + good}) == []


def test_names_in_comments_and_literals_are_not_uses(tmp_path):
    text = COMMENT + "// steady_clock is io's\nconst char* const kText = \"std::mutex \\\" rand()\";\n/* std::atomic<int>\n rand() */\n"
    assert found(tmp_path, {"src/decide/a.cc": text + "const char* const kRaw = R\"(std::mutex)\";\n"}) == []


def test_atomics_are_allowed_in_the_limit_table_alone(tmp_path):
    text = COMMENT + "#include <atomic>\nvoid f(std::atomic<int>& cell);\n"
    assert found(tmp_path / "limits", {"src/decide/limits/a.cc": text}) == []
    assert {f.rule for f in found(tmp_path / "decide", {"src/decide/a.cc": text})} == {"atomic"}


def test_tests_may_use_what_the_product_may_not(tmp_path):
    assert found(tmp_path, {"src/decide/a_test.cc": COMMENT + "#include <thread>\nvoid f(std::thread& t);\n"}) == []


def test_a_table_of_layers_that_points_up_is_refused(tmp_path):
    for wrong in ("0 base   pure  : http", "0 base   pure  : nosuch"):
        folder = tmp_path / wrong.split()[-1]
        (folder / "src").mkdir(parents=True)
        (folder / "src/layers.txt").write_text(LAYERS.replace("0 base   pure  :", wrong))
        assert {f.rule for f in findings(folder, True)} == {"layers"}


def test_a_pure_room_may_not_stand_on_one_that_is_not(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/layers.txt").write_text(LAYERS.replace("4 io     world", "1 io     world").replace("2 decide pure  : base", "2 decide pure  : base io"))
    assert any("is pure" in f.text for f in findings(tmp_path, True))


def test_headers_that_include_each_other_are_found(tmp_path):
    fired = found(tmp_path, {"src/http/a.h": HEADER + '#include "http/b.h"\n', "src/http/b.h": HEADER + '#include "http/a.h"\n'})
    assert any("include each other" in f.text for f in fired)


def test_a_file_without_a_comment_at_its_top_is_found_unless_its_header_has_it(tmp_path):
    fired = found(tmp_path, {"src/http/a.cc": "int f();\n", "src/http/b.h": "#pragma once\n", "tools/c.py": "import os\n"})
    assert [f.path for f in fired if f.rule == "header"] == ["src/http/a.cc", "src/http/b.h", "tools/c.py"]
    assert not [f for f in found(tmp_path / "pair", {"src/http/a.h": HEADER, "src/http/a.cc": "int f();\n", "src/http/a_test.cc": "int g();\n"})
                if f.rule == "header"]


def test_a_header_without_pragma_once_is_found(tmp_path):
    assert "pragma" in {f.rule for f in found(tmp_path, {"src/http/a.h": COMMENT + "// #pragma once\n"})}


def test_a_header_that_only_its_own_files_include_is_dead(tmp_path):
    files = {"src/http/a.h": HEADER, "src/http/a.cc": '#include "http/a.h"\n', "src/http/a_test.cc": '#include "http/a.h"\n'}
    assert [f.rule for f in found(tmp_path / "dead", files)] == ["dead"]
    assert found(tmp_path / "alive", {**files, "src/proxy/p.cc": COMMENT + '#include "http/a.h"\n'}) == []


def test_headers_must_compile_alone(tmp_path):
    user = COMMENT + '#include "http/a.h"\n'
    bad = found(tmp_path / "bad", {"src/http/a.h": HEADER + "std::string f();\n", "src/proxy/p.cc": user}, fast=False)
    assert [f.rule for f in bad] == ["headers"]
    assert found(tmp_path / "good", {"src/http/a.h": HEADER + "#include <string>\nstd::string f();\n", "src/proxy/p.cc": user}, fast=False) == []


def test_a_source_includes_its_own_header_first(tmp_path):
    """Then the build proves that the header compiles alone, and it is not compiled once more."""
    files = {"src/base/b.h": HEADER, "src/http/a.h": HEADER + "std::string f();\n", "src/proxy/p.cc": COMMENT + '#include "http/a.h"\n'}
    bad = found(tmp_path / "bad", {**files, "src/http/a.cc": '#include "base/b.h"\n#include "http/a.h"\n'}, fast=False)
    assert [(f.rule, f.path) for f in bad] == [("headers", "src/http/a.cc")]
    assert found(tmp_path / "good", {**files, "src/http/a.cc": '#include "http/a.h"\n#include "base/b.h"\n'}, fast=False) == []


def test_documents_are_kept_true(tmp_path):
    fired = found(tmp_path, {
        "README.md": "[there](docs/a.md) [gone](docs/gone.md) `src/http/gone.cc`\n",
        "docs/a.md": "[up](../README.md)\n", "docs/lost.md": "nobody links me\n",
        "src/model/cause.cc": 'int x; // none\n', "docs/GLOSSARY.md": "",
    })
    texts = [f.text for f in fired if f.rule == "docs"]
    assert any("gone.md leads nowhere" in t for t in texts)
    assert any("`src/http/gone.cc` does not exist" in t for t in texts)
    assert any(f.path == "docs/lost.md" for f in fired) and not any(f.path == "docs/a.md" for f in fired)


def test_the_glossary_lists_the_causes_of_the_code(tmp_path):
    code = COMMENT + 'const Row kTable[] = {{"no_route", "NR", 404, x}, {"limit_rejected", "RL", 429, x}};\n'
    glossary = "| NR | `no_route` | 404 |\n"
    fired = [f for f in found(tmp_path, {"src/model/cause.cc": code, "docs/GLOSSARY.md": glossary}) if "cause" in f.text]
    assert len(fired) == 1 and "limit_rejected" in fired[0].text
