"""The files that tidy reads, read once: their text, and for C++ their text with comments and literals blanked, so that
a name in a comment is not taken for its use. Nothing here judges."""
import re
from dataclasses import dataclass, field
from pathlib import Path

CPP = {".h", ".cc"}
TEST_SUFFIXES = ("_test", "_fuzz", "_bench", "_for_tests")
SKIPPED_FOLDERS = {"build", ".git", "__pycache__", ".cache", ".pytest_cache", "weir-data"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str          # what is wrong and what to write instead
    warning: bool = False

    def __str__(self):
        return f"{self.path}:{self.line}: {'note' if self.warning else self.rule}: {self.text}"


@dataclass
class Source:
    path: Path         # relative to the root
    text: str
    code: list[str] = field(default_factory=list)          # C++ only: lines without comments and literals
    includes: list[tuple[int, str, bool]] = field(default_factory=list)   # line, name, in quotes

    @property
    def room(self):
        parts = self.path.parts
        return parts[1] if len(parts) > 2 and parts[0] == "src" else None

    @property
    def is_cpp(self):
        return self.path.suffix in CPP

    @property
    def is_test(self):
        return self.path.stem.endswith(TEST_SUFFIXES) or self.path.parts[0] in ("tests", "bench")

    @property
    def lines(self):
        return self.text.split("\n")

    @property
    def name_in_src(self):
        """As an #include spells it: "base/hash.h"."""
        return str(Path(*self.path.parts[1:]))


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^ ()\\\n]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def blank_comments_and_literals(text):
    """Same length in lines; every comment and literal becomes spaces (a literal keeps its quotes)."""
    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[-1]
        return re.sub(r"[^\n]", " ", piece)
    return _TOKEN.sub(blank, text)


class Layers:
    """src/layers.txt: floor, room, pure or world, and the rooms that may be included."""
    def __init__(self, text):
        self.floor, self.pure, self.below = {}, {}, {}
        for number, line in enumerate(text.split("\n"), 1):
            if re.match(r"^\d", line):
                floor, room, kind, _, *below = line.split()
                self.floor[room], self.pure[room], self.below[room] = int(floor), kind == "pure", below


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        self.layers = Layers((self.root / "src/layers.txt").read_text())
        self.files = {}
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if SKIPPED_FOLDERS & set(relative.parts) or not path.is_file() or path.is_symlink():
                continue
            if path.suffix in CPP | {".py", ".sh", ".md", ".txt", ".cmake", ".yaml"} or path.name in ("dev", "run"):
                try:
                    self.files[str(relative)] = self._read(relative)
                except UnicodeDecodeError:
                    pass   # corpora and scenarios may hold any bytes

    def _read(self, relative):
        text = (self.root / relative).read_text()
        source = Source(relative, text)
        if source.is_cpp:
            source.code = blank_comments_and_literals(text).split("\n")
            for match in _INCLUDE.finditer(text):
                source.includes.append((text.count("\n", 0, match.start()) + 1 + match.group(0).count("\n"),
                                        match.group(2), match.group(1) == '"'))
        return source

    def cpp(self, folder="src"):
        return [s for s in self.files.values() if s.is_cpp and s.path.parts[0] == folder]
