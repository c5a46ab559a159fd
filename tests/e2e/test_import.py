"""`weir import nginx.conf` against nginx itself: for each configuration under import/ a real nginx and a weir with the
imported one get the same 200 requests, made from the locations with a seed to hit what is hard (paths without their slash,
one character more, //, .., percent-encodings, hosts that are nobody's). What becomes of each must be the same: the same
backend with the same method, target and Host, or the same status, Location and body. Where it is not, a line of the report
must have said so: excuse() names the line that has to be there, and for a difference without one the test fails."""
import json
import random
import re
import urllib.parse
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from harness.gateway import run_weir
from harness.twins import Twins

FOLDER = Path(__file__).parent / "import"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir() or path.suffix == ".conf")
REQUESTS, SEED = 200, 20261120
# Which port to ask, where it is not 8080; and how many of the 200 must be alike: fewer where most of a configuration is
# files, PHP or passwords, which weir has not.
PORTS = {"09-tls": 8443}
ALIKE = {"01-static-and-api": 50, "03-several-servers": 110, "12-single-page": 50, "17-access": 100, "19-php": 20, "20-microservices": 100}
# The same backend with the same path, or the same answer: what is spelled differently on the way does not count.
SPELLING = {"", "host", "canonical-path", "own-answers", "location-spelling"}


# ---- an nginx configuration as the test reads it: servers, names and locations with their places

@dataclass
class Location:
    modifier: str
    path: str
    file: str
    line: int
    rewrites: list = field(default_factory=list)   # places


@dataclass
class Server:
    file: str
    line: int
    end: int = 0
    names: list = field(default_factory=list)
    default: bool = False
    listens: set = field(default_factory=set)
    locations: list = field(default_factory=list)


def servers_of(texts):
    """By brackets and words; enough for the configurations of this test, and independent of the importer."""
    found = []
    for file, text in texts.items():
        depth, server, server_depth = 0, None, 0
        for number, raw in enumerate(text.split("\n"), 1):
            line = re.sub(r"(^|\s)#.*", "", raw)
            for piece in re.findall(r"""(?:'[^']*'|"[^"]*"|\$\{|[^{};'"])+|[{};]""", line):
                word = piece.strip()
                if word == "{":
                    depth += 1
                elif word == "}":
                    depth -= 1
                    if server and depth < server_depth:
                        server.end, server = number, None
                elif word == "server":
                    server, server_depth = Server(file, number), depth + 1
                    found.append(server)
                elif server and word.startswith("server_name "):
                    server.names += word.split()[1:]
                elif server and word.startswith("listen "):
                    server.default |= "default_server" in word
                    server.listens.add(int(re.search(r"(\d+)\b", word.split()[1])[1]))
                elif server and (match := re.match(r'location\s+(?:(=|\^~|~\*|~)\s*)?("[^"]*"|\S+)$', word)):
                    server.locations.append(Location(match[1] or "", match[2].strip('"'), file, number))
                elif server and server.locations and word.startswith("rewrite "):
                    server.locations[-1].rewrites.append((Path(file).name, number))
    return found


def server_for(servers, host):
    """nginx's rules for server_name; a regular expression or trailing wildcard is answered as None."""
    host = re.sub(r":\d+$", "", host).lower().rstrip(".")
    best = None
    for server in servers:
        for name in server.names:
            low = name.lower()
            if low == host or (low.startswith(".") and low[1:] == host):
                return server
            tail = low[1:] if low.startswith("*.") else low if low.startswith(".") else None
            if tail and host.endswith(tail) and (best is None or len(tail) > best[0]):
                best = (len(tail), server)
    if best:
        return best[1]
    for server in servers:
        for name in server.names:
            if (name.startswith("~") and re.search(re.sub(r"\(\?<", "(?P<", name[1:]), host)) or (name.endswith(".*") and host.startswith(name[:-1])):
                return None
    return next((s for s in servers if s.default), servers[0])


# ---- requests

@dataclass
class Request:
    method: str
    target: str
    host: str
    headers: tuple
    own_port: bool
    body: bytes = b""

    def bytes_for(self, port):
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {self.host}" + (f":{port}" if self.own_port else ""), *self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def hosts_of(servers):
    hosts = ["nobody.test", "127.0.0.1"]
    for server in servers:
        for name in server.names:
            if name.startswith("~"):
                hosts += ["tenant-7.saas.test"]
            elif name in ("_", '""'):
                continue
            elif name.endswith(".*"):
                hosts += [name[:-1] + "test"]
            elif name.startswith(("*.", ".")):
                base = name.lstrip("*.")
                hosts += [base, f"a.{base}", f"b.a.{base}", f"x{base}"]
            else:
                hosts += [name, name, name, name.upper(), name + ".", f"sub.{name}"]
    return hosts


def requests_for(servers, draw):
    hosts = hosts_of(servers)
    for _ in range(REQUESTS):
        host = draw.choice(hosts)
        server = server_for(servers, host) or servers[0]
        paths = [loc.path for loc in server.locations if loc.modifier in ("", "=", "^~") and loc.path.startswith("/")]
        path = urllib.parse.quote(draw.choice([*paths, "/", "/some/where"]))
        shape = draw.randrange(16)
        if shape < 4:
            path = path.rstrip("/") + "/" + draw.choice(["item", "a/b/c.txt", "deep/er/still", "1", "x.php", "y.png", "index.html"])
        elif shape == 4:
            path = path.rstrip("/") or "/"
        elif shape == 5:
            path = path.rstrip("/") + "/"
        elif shape == 6:
            path = path.rstrip("/") + draw.choice(["x", "-more/x", ".html"])
        elif shape == 7:
            path = path.replace("/", "//", 1) + draw.choice(["", "//z"])
        elif shape == 8:
            path = path.rstrip("/") + draw.choice(["/./here", "/up/../here", "/%2e%2e/"])
        elif shape == 9:
            at = next((i for i, c in enumerate(path) if c.isalpha()), None)
            path = path if at is None else path[:at] + f"%{ord(path[at]):02x}" + path[at + 1:]
        elif shape == 10:
            path = path.rstrip("/") + draw.choice(["/a%24b", "/%2Fslash", "/sp%20ace", "/uml%C3%A4ut", "/semi;colon=1", "/at@:!$&'()*+,="])
        query = draw.choice(["", "", "?q=1", "?q=a%20b&r=/x/../y", f"?user=u{draw.randrange(3)}", "?"])
        method = draw.choice(["GET"] * 8 + ["POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
        headers = [f"X-Api-Key: k{draw.randrange(3)}"] * draw.randrange(2) + ["User-Agent: twin"]
        if draw.random() < 0.5:
            headers.append(f"X-Forwarded-For: {draw.choice(['', '203.0.113.9, '])}198.51.100.{draw.randrange(4)}{draw.choice(['', ', 10.0.0.9'])}")
        yield Request(method, path + query, host, tuple(headers), draw.random() < 0.3, b"x" * 10 if method in ("POST", "PUT") else b"")


# ---- what may differ, and which line has to say so

def plain(target):
    """A target as both would have to see it: decoded, slashes merged, dots resolved; None above the root."""
    path, mark, query = target.partition("?")
    parts = []
    for part in urllib.parse.unquote(path, "latin-1").split("/")[1:]:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    ends = path.endswith(("/", "/.", "/..")) or urllib.parse.unquote(path).endswith(("/.", "/..", "/"))
    return "/" + "/".join(parts) + ("/" if ends and parts else "") + (mark + query if query else "")


class Excuses:
    def __init__(self, report, servers):
        self.lines, self.notes, self.servers = report["lines"], {note["id"] for note in report["everywhere"]}, servers

    def holds(self, line, request):
        """Whether a line can be about this request: it stands in its server, or in none (http, upstreams, snippets)."""
        around = [s for s in self.servers if Path(s.file).name == Path(line["file"]).name and s.line <= line["line"] <= s.end]
        return not around or server_for(self.servers, request.host) in (None, *around)

    def line(self, request, fate, name=None, why=None, at=None):
        """Is there a line of the report, about this request, with this fate, directive, reason and place?"""
        return any(line["fate"] == fate and (name is None or line["text"].split()[0].rstrip(";") == name)
                   and (why is None or why in line["why"]) and (at is None or (Path(line["file"]).name, line["line"]) == at)
                   and self.holds(line, request) for line in self.lines)

    def location(self, request):
        """A location that weir takes in another way than nginx, that this path belongs to, and that the report named."""
        server = server_for(self.servers, request.host)
        if server is None:
            return self.line(request, "not translatable", name="server_name")
        path = (plain(request.target.partition("?")[0]) or "")
        for loc in server.locations:
            at = (Path(loc.file).name, loc.line)
            if loc.modifier in ("~", "~*") and re.search(loc.path, path, re.I if loc.modifier == "~*" else 0):
                if self.line(request, "not translatable", name="location", at=at):
                    return True
            if path.startswith(loc.path) and any(self.line(request, "not translatable", name="rewrite", at=place) for place in loc.rewrites):
                return True
            by_characters = path.startswith(loc.path) and path[len(loc.path):][:1] not in ("", "/") and not loc.path.endswith("/")
            if loc.modifier in ("", "^~") and by_characters and self.line(request, "approximated", name="location", at=at):
                return True
        return False

    def excuse(self, request, n, w):
        """Why these two may differ; None when nothing says so."""
        path = request.target.partition("?")[0]
        refused = re.match(r"(not imported|closed): (\S+):(\d+) (\S+)", w.body)
        if refused and w.status in (403, 501, 502):
            at = (Path(refused[2]).name, int(refused[3]))
            return "refused" if self.line(request, "not translatable", at=at, name=refused[4]) else None
        if w.status == 400 and n.status != 400 and re.search(r"%2F|%5C|\\|\.\.;", path, re.I):
            return "refused-path" if "refused-path" in self.notes else None
        if (n.status, w.status) == (503, 429):
            return "429" if self.line(request, "approximated", why="429") else None
        if (n.status, w.status) == (0, 444):
            return "444" if self.line(request, "approximated", why="answers 444") else None
        if self.location(request):
            return "location"
        if w.status == 404 and not w.location and not w.backend and self.line(request, "approximated", why="files of its own"):
            return "files"
        if w.backend and not n.backend and self.line(request, "approximated", name="try_files") and not n.location:
            return "try_files"
        if n.backend and w.backend:
            return self.forwarded(request, n, w)
        if n.status == w.status:
            return self.answered(request, n, w)
        return None

    def forwarded(self, request, n, w):
        why = []
        if n.backend != w.backend or n.method != w.method:
            return None
        if n.target != w.target:
            if plain(n.target) != plain(w.target) or "canonical-path" not in self.notes:
                return None
            why.append("canonical-path")
        if n.host != w.host:
            n_host, w_host = n.host.lower().rstrip("."), w.host
            if n_host != w_host and (re.sub(r":\d+$", "", n_host).rstrip(".") != re.sub(r":\d+$", "", w_host)
                                     or not (self.line(request, "approximated", why="port") or self.line(request, "approximated", why="as it is"))):
                return None
            if "canonical-host" not in self.notes:
                return None
            why.append("host")
        return "+".join(why)

    def answered(self, request, n, w):
        why = []
        if n.location != w.location:
            n_place, w_place = urllib.parse.urlsplit(n.location), urllib.parse.urlsplit(w.location)
            if n_place.query != w_place.query and not self.line(request, "approximated", why="query"):
                return None
            if (n_place.scheme, n_place.netloc.lower().rstrip(".")) != (w_place.scheme, w_place.netloc.lower().rstrip(".")):
                return None
            if plain(n_place.path or "/") != plain(w_place.path or "/"):
                return None
            why.append("location-spelling")
        if n.body != w.body:   # nginx's own pages
            if "<html>" not in n.body or "own-answers" not in self.notes:
                return None
            why.append("own-answers")
        return "+".join(why)


def groups_of(texts):
    """Backend as written: the one that stands for its upstream, for endpoints that take turns."""
    group = {}
    for text in texts.values():
        for block in re.findall(r"upstream\s+\S+\s*\{(.*?)\n?\s*\}", text, re.S):
            ports = [int(port) for port in re.findall(r"server\s+127\.0\.0\.1:(90\d\d)", block)]
            group.update(dict.fromkeys(ports, ports[0]))
    return group


# ---- the tests

@pytest.fixture
def twins(folder):
    made = []

    def make(source, **options):
        made.append(Twins(folder, source, **options))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def uncovered(texts, report):
    """Lines of the source that no entry of the report speaks for; closing brackets and comments aside."""
    spoken = {}
    for line in report["lines"]:
        spoken.setdefault(Path(line["file"]).name, set()).update(range(line["line"], line["end_line"] + 1))
    for name, text in texts.items():
        for number, line in enumerate(text.split("\n"), 1):
            if re.sub(r"(^|\s)#.*", "", line).strip(" \t{}") and number not in spoken.get(Path(name).name, set()):
                yield f"{name}:{number}: {line}"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_nginx_and_its_import_do_the_same(twins, case):
    pair = twins(case)
    report = json.loads(pair.report_text)
    assert list(uncovered(pair.texts["weir"], report)) == []
    assert all(line["why"] for line in report["lines"] if line["fate"] != "translated")
    written = PORTS.get(case.stem, 8080)
    servers = [s for s in servers_of(pair.texts["nginx"]) if pair.ports["nginx"][written] in s.listens]
    group = groups_of(dict(pair.sources(case)))
    excuses = Excuses(report, servers)
    ask_nginx, ask_weir = pair.asker("nginx", written), pair.asker("weir", written)
    counts, faults = {}, []
    for request in requests_for(servers, random.Random(f"{SEED} {case.stem}")):
        n, w = ask_nginx(request), ask_weir(request)
        if request.method == "HEAD" and w.status in (403, 501):   # whose body would name the line
            w = replace(w, body=ask_weir(replace(request, method="GET")).body)
        n, w = (replace(one, backend=group.get(one.backend, one.backend)) for one in (n, w))
        why = "" if n == w else excuses.excuse(request, n, w)
        if why is None:
            faults.append(f"{request}\n  nginx {n}\n  weir  {w}")
        counts[why] = counts.get(why, 0) + 1
    print(case.stem, counts)
    assert not faults, f"{len(faults)} of {REQUESTS} differ, and no line of the report says so:\n" + "\n".join(faults[:8])
    alike = sum(count for why, count in counts.items() if why is not None and set(why.split("+")) <= SPELLING)
    assert alike >= ALIKE.get(case.stem, 130), counts


def test_there_are_twenty():
    assert len(CASES) == 20


@pytest.mark.parametrize("listen, redirects", [(8080, True), (8443, False)])
def test_another_address_makes_another_file(twins, listen, redirects):
    pair = twins(FOLDER / "09-tls.conf", listen=listen)
    servers = servers_of(pair.texts["nginx"])
    outcomes = {twin: pair.asker(twin, listen)(Request("GET", "/x?y=1", servers[0].names[0], (), False)) for twin in ("nginx", "weir")}
    assert replace(outcomes["nginx"], body="") == outcomes["weir"]   # nginx adds a page
    assert outcomes["weir"].location == ("https://secure.example.com/x?y=1" if redirects else "")


def test_weights_are_shares(twins):
    pair = twins(FOLDER / "07-upstream-weights.conf")
    ask = pair.asker("weir", 8080)
    for _ in range(80):
        assert ask(Request("GET", "/", "a.test", (), False)).status == 200
    counts = pair.backends.counts
    assert (counts[9003], counts[9004]) == (0, 0)   # the spare and the one that is down
    assert 58 <= counts[9001] <= 62 and 18 <= counts[9002] <= 22, counts   # 3 to 1, exact to a cycle


# ---- the command

def import_of(folder, text, *words):
    (folder / "nginx.conf").write_text(text)
    return run_weir("import", "nginx.conf", *words, cwd=folder)


SMALL = "http { server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9001; } } }\n"


def test_without_out_the_file_goes_to_stdout_and_the_report_to_stderr(folder):
    done = import_of(folder, SMALL)
    assert done.returncode == 0 and done.stdout.startswith("# Imported from nginx.conf")
    assert done.stderr.startswith("IMPORTED WITH LOSSES") and "next: weir check" in done.stderr
    (folder / "weir.yaml").write_text(done.stdout)
    assert run_weir("check", "weir.yaml", cwd=folder).returncode == 0


def test_a_file_that_is_there_is_left_as_it_is(folder):
    (folder / "weir.yaml").write_text("mine")
    done = import_of(folder, SMALL, "--out", "weir.yaml")
    assert done.returncode == 1 and "is there already" in done.stderr
    assert (folder / "weir.yaml").read_text() == "mine"


def test_text_and_json_reports_say_the_same(folder):
    told = import_of(folder, SMALL, "--out", "a.yaml").stdout
    counted = json.loads(import_of(folder, SMALL, "--out", "b.yaml", "--report", "json").stdout)
    assert f"{counted['translated']} directives translated, {counted['approximated']} approximated" in told
    assert sum(counted[fate] for fate in ("translated", "approximated", "not_translatable")) == len(counted["lines"])
    assert max(map(len, told.splitlines())) <= 100


def test_what_cannot_be_imported_is_one_sentence(folder):
    assert run_weir("import", cwd=folder).returncode == 2
    assert run_weir("import", "none.conf", cwd=folder).returncode == 1
    for text, said in (("http { server {", "nginx.conf:1: this block is never closed"), ("events {}", "no server"),
                       ("include nginx.conf;", "more than"), (b"\0\xff".decode("latin-1") * 50, "nginx.conf:1")):
        done = import_of(folder, text)
        assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert import_of(folder, SMALL, "--listen", "81").returncode == 1


def test_control_bytes_reach_neither_terminal_nor_file(folder):
    done = import_of(folder, SMALL.replace("location / ", "evil \x1b[2J; location \"/\x1b[31m\" { return 200 \"\x07\"; } location / "))
    assert done.returncode == 0
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07"}
