"""Wire scenarios: one text file holds the gateway's settings, every upstream connection and every client, byte by byte.
tests/wire/README.md describes the format; parse() reads it, run() plays it and raises Mismatch at the first difference."""
import fnmatch
import json
import re
import shlex
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .raw import Broken, RawUpstream, connect

TIMEOUT = 5.0    # of each expectation; a line `! patience 20s` changes it for its participant
QUIET = 0.15     # how long `< nothing` listens when it does not say


class Mismatch(AssertionError):
    pass


@dataclass
class Action:
    line: int
    kind: str               # send, expect, do
    text: str
    details: list = field(default_factory=list)   # (line number, text) of the indented lines below an expectation


@dataclass
class Participant:
    kind: str               # client or upstream
    name: str
    line: int
    actions: list = field(default_factory=list)


@dataclass
class Scenario:
    title: str
    settings: dict
    participants: list
    metrics: list           # (line number, series, value)

    def of(self, kind):
        return [p for p in self.participants if p.kind == kind]


_REPEAT = re.compile(r"\{(\d+)\*([^{}]*)\}")
_ESCAPE = re.compile(r"\\(r|n|t|0|\\|\{|\}|x[0-9a-fA-F]{2})")
_SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", "{": "{", "}": "}"}


def to_bytes(text):
    r"""`GET / HTTP/1.1\r\n` and `{5000*a}` spelled out; a line's own end is never part of it."""
    text = _REPEAT.sub(lambda m: m[2] * int(m[1]), text)
    text = _ESCAPE.sub(lambda m: _SIMPLE[m[1]] if m[1] in _SIMPLE else chr(int(m[1][1:], 16)), text)
    return text.encode("latin-1")


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", text).groups()
    return float(number) / (1000 if unit == "ms" else 1)


def parse(path):
    title, participants, metrics, settings = "", [], [], []
    section = None
    for number, line in enumerate(Path(path).read_text(encoding="latin-1").split("\n"), 1):
        if line.startswith("#") or not line.strip():
            if line.startswith("#") and not title:
                title = line.lstrip("# ")
            if isinstance(section, list) and section is settings:
                settings.append("")
            continue
        if not line[0].isspace():
            words = line.split(None, 1)
            if words[0] in ("client", "upstream"):
                section = Participant(words[0], words[1] if len(words) > 1 else words[0], number)
                participants.append(section)
            elif line in ("weir", "metrics"):
                section = settings if line == "weir" else metrics
            else:
                raise ValueError(f"{path}:{number}: a section is weir, upstream, client or metrics, not {line!r}")
        elif section is settings:
            settings.append(line)
        elif section is metrics:
            series, value = line.strip().rsplit(" ", 1)
            metrics.append((number, series, float(value)))
        elif isinstance(section, Participant):
            _add_action(path, number, line, section)
        else:
            raise ValueError(f"{path}:{number}: stands in no section")
    if not title:
        raise ValueError(f"{path}: the first line is a comment that says what must hold, and by which clause")
    if not [p for p in participants if p.kind == "client"]:
        raise ValueError(f"{path}: no client")
    return Scenario(title, yaml.safe_load("\n".join(settings)) or {}, participants, metrics)


def _add_action(path, number, line, section):
    mark, _, text = line.strip().partition(" ")
    if mark in (">", "<", "!"):
        kind = {">": "send", "<": "expect", "!": "do"}[mark]
        before = section.actions[-1] if section.actions else None
        if kind == "send" and before is not None and before.kind == "send":
            before.text += text   # neighbouring lines leave in one piece; `! wait` between them cuts it
            return
        section.actions.append(Action(number, kind, text))
        if kind == "expect":
            _Expectation(section.actions[-1])   # wrong spelling is found when the file is read
    elif section.actions and section.actions[-1].kind == "expect":
        section.actions[-1].details.append((number, line.strip()))
    else:
        raise ValueError(f"{path}:{number}: a line begins with >, < or !")


def _matches(pattern, value):
    """/regular expression/, or a text in which `*` stands for any run of characters and all else for itself."""
    if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        return re.fullmatch(pattern[1:-1], value) is not None
    return fnmatch.fnmatchcase(value, re.sub(r"([\[\]?])", r"[\1]", pattern))


class _Expectation:
    """One `<` line: what is awaited, and how it is judged."""
    def __init__(self, action):
        self.action = action
        word, _, rest = action.text.partition(" ")
        self.word, self.rest = word, rest
        if re.match(r"HTTP/1\.[01]$", word) or re.search(r" HTTP/1\.[01]$", action.text):
            self.judge = self.head
        elif word in ("body", "bytes", "problem", "closed", "reset", "ended", "cut", "nothing", "end"):
            self.judge = getattr(self, word)
        else:
            raise ValueError(f"line {action.line}: nothing called {word!r} can be expected")

    def head(self, player):
        got = player.connection.read_head()
        player.head = got
        if not _matches(self.action.text, got.start):
            raise Mismatch(f"the head begins with {got.start!r}")
        wanted, absent, only = {}, [], False
        for _, detail in self.action.details:
            if detail == "only":
                only = True
            elif detail.startswith("- "):
                absent.append(detail[2:].strip().lower())
            else:
                name, _, value = detail.partition(":")
                wanted.setdefault(name.strip().lower(), []).append(value.strip())
        for name in absent:
            if got.all(name):
                raise Mismatch(f"has {name}: {got.all(name)}")
        for name, values in wanted.items():
            found = got.all(name)
            if len(found) != len(values) or not all(map(_matches, values, found)):
                raise Mismatch(f"{name} is {found}, expected {values}")
        if only and (extra := [n for n, _ in got.fields if n.lower() not in wanted]):
            raise Mismatch(f"has fields beyond those listed: {extra}")

    def _message_body(self, player):
        return player.connection.read_body(player.head, player.asked)

    def body(self, player):
        got, wanted = self._message_body(player), to_bytes(self.rest)
        if got != wanted:
            raise Mismatch(f"the body is {got[:300]!r} ({len(got)} bytes)")

    def problem(self, player):
        document = json.loads(self._message_body(player))
        for word in shlex.split(self.rest):
            key, _, value = word.partition("=")
            if value == "-":
                if key in document:
                    raise Mismatch(f"the problem says {key}: {document[key]!r}")
            elif not _matches(value, str(document.get(key))):
                raise Mismatch(f"the problem says {key}: {document.get(key)!r}; whole: {document}")
        if document.get("type") != f"urn:weir:cause:{document.get('cause')}" or document.get("status") != player.head.status:
            raise Mismatch(f"type, cause and status disagree: {document}")

    def bytes(self, player):
        wanted = to_bytes(self.rest)
        got = player.connection.read_exact(len(wanted))
        if got != wanted:
            raise Mismatch(f"got {got!r}")

    def closed(self, player):
        player.connection.expect_end()

    end = closed   # of one direction: the peer may still read

    def reset(self, player):
        try:
            while player.connection.more():
                pass
        except ConnectionResetError:
            return
        raise Mismatch(f"ended in order, not by a reset; before it {player.connection.buffer!r}")

    def ended(self, player):
        try:
            player.connection.expect_end()
        except ConnectionResetError:
            pass

    def cut(self, player):
        """The message stops before its framing says it is complete."""
        try:
            got = self._message_body(player)
        except (Broken, ConnectionResetError):
            player.connection.buffer = b""   # the part that came is a part of this message
            return
        raise Mismatch(f"a complete body of {len(got)} bytes, expected one cut short")

    def nothing(self, player):
        until = time.monotonic() + (seconds(self.rest) if self.rest else QUIET)
        while not player.connection.buffer and (left := until - time.monotonic()) > 0:
            try:
                if not player.connection.more(left):
                    raise Mismatch("the connection ended, expected silence")
            except TimeoutError:
                break
        if player.connection.buffer:
            raise Mismatch(f"got {player.connection.buffer[:300]!r}, expected silence")


class _Stage:
    """What the participants of a run share: labels to wait for, and the first failure."""
    def __init__(self):
        self.labels, self.failure, self.lock = {}, None, threading.Lock()

    def label(self, name):
        with self.lock:
            return self.labels.setdefault(name, threading.Event())

    def fail(self, failure):
        with self.lock:
            self.failure = self.failure or failure


class _Player:
    """Plays one participant's actions over its connection."""
    def __init__(self, participant, path, stage):
        self.participant, self.path, self.stage = participant, path, stage
        self.connection, self.head, self.asked, self.done = None, None, "GET", threading.Event()

    def play(self, opened):
        """`opened` gives the connection."""
        action = None
        try:
            self.connection = opened()
            self.connection.timeout = TIMEOUT
            for action in self.participant.actions:
                getattr(self, action.kind)(action)
        except Exception as error:   # noqa: BLE001 - whatever it is, the scenario fails by it
            reason = str(error) if isinstance(error, AssertionError) and str(error) else repr(error)
            reason = "nothing came in time" if isinstance(error, TimeoutError) else reason
            unread = f"; unread: {self.connection.buffer[:300]!r}" if self.connection and self.connection.buffer else ""
            line, text = (action.line, action.text) if action else (self.participant.line, "connect")
            self.stage.fail(Mismatch(f"{self.path}:{line}: {self.participant.name}: {text}\n  {reason}{unread}"))
        finally:
            self.done.set()

    def send(self, action):
        data = to_bytes(action.text)
        if self.participant.kind == "client" and (match := re.match(rb"([A-Z]+) \S+ HTTP/1", data)):
            self.asked = match[1].decode()
        self.connection.send(data)

    def expect(self, action):
        _Expectation(action).judge(self)
        if self.participant.kind == "upstream" and self.head is not None:
            self.asked = self.head.method

    def do(self, action):
        word, _, rest = action.text.partition(" ")
        if word == "wait":
            time.sleep(seconds(rest))
        elif word == "patience":
            self.connection.timeout = seconds(rest)
        elif word == "set":
            self.stage.label(rest).set()
        elif word == "await":
            if not self.stage.label(rest).wait(self.connection.timeout):
                raise Mismatch(f"nobody set {rest}")
        elif word == "asked":      # the method of the request whose answer is read next, where several are pipelined
            self.asked = rest
        elif word in ("end", "close", "reset"):
            getattr(self.connection, word)()
        elif word == "drip":
            pause, _, text = rest.partition(" ")
            self.connection.drip(to_bytes(text), seconds(pause))
        else:
            raise ValueError(f"nothing called {word!r} can be done")


def run(scenario, path, start_gateway):
    """start_gateway(upstream_port, settings) -> Gateway."""
    stage = _Stage()
    upstreams = [_Player(p, path, stage) for p in scenario.of("upstream")]
    clients = [_Player(p, path, stage) for p in scenario.of("client")]

    def unexpected(connection):
        connection.timeout = 1
        try:
            connection.more()
        except OSError:
            pass
        stage.fail(Mismatch(f"{path}: a connection to the upstream that no section describes, with {connection.buffer[:300]!r}"))

    hold = threading.Event()   # connections stay open until everybody is done: their ends are part of the script alone

    def script(player):
        def played(connection):
            player.play(lambda: connection)
            hold.wait(30)
        return played

    upstream = RawUpstream(*map(script, upstreams), default=unexpected)
    try:
        gateway = start_gateway(upstream.port, scenario.settings)
        threads = []
        for player in clients:
            def client(player=player):
                player.play(lambda: connect(gateway.port))
            threads.append(threading.Thread(target=client, daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(60)
        for player in clients:
            if not player.done.is_set():
                stage.fail(Mismatch(f"{path}:{player.participant.line}: {player.participant.name} did not come to its end"))
        for player in upstreams:
            if not player.done.wait(0.1 if stage.failure else TIMEOUT):
                what = "was never connected to" if player.connection is None else "did not come to its end"
                stage.fail(Mismatch(f"{path}:{player.participant.line}: {player.participant.name} {what}"))
        for player in upstreams:
            if player.connection is not None and (extra := player.connection.pending()):
                stage.fail(Mismatch(f"{path}:{player.participant.line}: {player.participant.name} got more than its script says: {extra[:300]!r}"))
        time.sleep(0.02)
        if upstream.accepted > len(upstreams):
            stage.fail(Mismatch(f"{path}: {upstream.accepted} upstream connections, {len(upstreams)} described"))
        if stage.failure:
            raise stage.failure
        for number, series, value in scenario.metrics:
            name, labels = re.match(r"(\w+)(?:\{(.*)\})?$", series).groups()
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels or ""))
            gateway.eventually(lambda n=name, l=labels, v=value: gateway.metric(n, **l) == v, 3, f"{path}:{number}: {series} {value:g}")
    finally:
        hold.set()
        upstream.stop()
