"""Documents say what is true: links lead somewhere, paths named in `backticks` exist, the causes of the glossary are
those of the code, every document can be reached from the README."""
import re
from pathlib import Path

from .sources import Finding

_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:src|tests|docs|bench|tools|examples|fuzz|cmake)/[\w./*-]*\w/?)`")


def _documents(tree):
    return [s for s in tree.files.values() if s.path.suffix == ".md"]


def links(tree):
    for source in _documents(tree):
        for number, line in enumerate(source.lines, 1):
            for target in _LINK.findall(line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not (tree.root / source.path.parent / target).exists():
                    yield Finding(str(source.path), number, "docs", f"the link to {target} leads nowhere")
            for target in _PATH.findall(line):
                if "NAME" not in target and not any(tree.root.glob(target)):
                    yield Finding(str(source.path), number, "docs", f"`{target}` does not exist")


def causes(tree):
    table, glossary = tree.files.get("src/model/cause.cc"), tree.files.get("docs/GLOSSARY.md")
    if not table or not glossary:
        return
    rows = re.findall(r'\{\s*"(\w+)",\s*"(\S+)",\s*(\d+),', table.text)
    for name, flag, status in rows:
        if name == "none":
            continue
        row = next((line for line in glossary.lines if line.startswith("|") and f"`{name}`" in line), None)
        if row is None:
            yield Finding("docs/GLOSSARY.md", 1, "docs", f"the cause {name} of src/model/cause.cc is missing from the table")
        elif (flag != "-" and f"| {flag} |" not in row) or (status != "0" and status not in row):
            yield Finding("docs/GLOSSARY.md", glossary.lines.index(row) + 1, "docs",
                          f"{name} is {flag} {status} in src/model/cause.cc, not what this row says")


def reachable(tree):
    seen, todo = set(), ["README.md"]
    while todo:
        name = todo.pop()
        if name in seen or name not in tree.files:
            continue
        seen.add(name)
        folder = Path(name).parent
        for target in _LINK.findall(tree.files[name].text):
            if "://" not in target:
                path = Path(str(tree.root / folder / target)).resolve()
                if path.is_dir():
                    todo += [str(p.relative_to(tree.root.resolve())) for p in path.glob("*.md")]
                elif path.is_relative_to(tree.root.resolve()):
                    todo.append(str(path.relative_to(tree.root.resolve())))
    for source in _documents(tree):
        if str(source.path) not in seen and source.path.parts[0] == "docs":
            yield Finding(str(source.path), 1, "docs", "no way leads here from README.md: link it or delete it")


RULES = [links, causes, reachable]
