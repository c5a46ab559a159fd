"""What every file carries: a comment at its top that says what it is for, #pragma once, no note to self without an issue."""
import re

from .sources import Finding


def _explained_by_its_header(source, tree):
    """x.cc, x_test.cc, x_fuzz.cc and x_bench.cc beside an x.h need no comment of their own: x.h says what it is for."""
    stem = re.sub(r"_(test|fuzz|bench)$", "", source.path.stem)
    return source.path.suffix == ".cc" and str(source.path.with_name(stem + ".h")) in tree.files


def header_comment(tree):
    for source in tree.files.values():
        if _explained_by_its_header(source, tree):
            continue
        if source.path.suffix not in (".h", ".cc", ".py", ".sh", ".cmake", "") or source.path.name == "CMakeLists.txt":
            continue
        lines = [line for line in source.lines if line.strip()]
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        first = lines[0] if lines else ""
        mark = "//" if source.is_cpp else ("#", '"""', "'''")
        if not first.startswith(mark) or len(first) < 12:
            yield Finding(str(source.path), 1, "header", "begin the file with a comment: what it is for, what goes in and "
                          "comes out, units, bounds, errors, source")


def pragma_once(tree):
    for source in tree.cpp():
        if source.path.suffix == ".h" and not any(line.strip() == "#pragma once" for line in source.code):
            yield Finding(str(source.path), 1, "pragma", "a header needs #pragma once after its comment")


def notes_to_self(tree):
    note = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(#\d+\))")
    for source in tree.files.values():
        if source.path.parts[0] in ("tools", "tests") and source.path.suffix != ".cc":
            continue   # the rule itself and its examples
        for number, line in enumerate(source.lines, 1):
            match = note.search(line)
            if match and (source.is_cpp or source.path.suffix in (".py", ".sh", ".md", ".cmake", "")):
                yield Finding(str(source.path), number, "todo", f"'{match.group(1)}' without an issue: do it now, or write "
                              f"{match.group(1)}(#12) with the number of the issue that will")


def dead_files(tree):
    """A header that nothing but its own .cc and tests includes, and a .cc whose header does not exist and which holds no main."""
    users = {}
    for source in tree.files.values():
        for _, name, quoted in source.includes:
            if quoted:
                users.setdefault(name, []).append(source)
    for source in tree.cpp():
        if source.path.suffix != ".h" or source.is_test:
            continue
        own = str(source.path.with_suffix(""))
        strangers = [u for u in users.get(source.name_in_src, ()) if str(u.path.with_suffix("")) != own
                     and not (u.is_test and u.path.parts[0] == "src")]
        if not strangers:
            yield Finding(str(source.path), 1, "dead", "nothing includes this header but its own .cc and unit tests: use it or delete it")


def stray_files(tree):
    """What was left behind by an editor, a merge or a trial."""
    for path in tree.root.rglob("*"):
        relative = path.relative_to(tree.root)
        if not {"build", ".git"} & set(relative.parts) and re.search(r"\.(orig|rej|bak|swp|tmp|old)$|~$", path.name):
            yield Finding(str(relative), 1, "dead", "left behind: delete it")


RULES = [header_comment, pragma_once, notes_to_self, dead_files, stray_files]
