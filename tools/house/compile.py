"""Checks that need the compiler's tools: every header compiles alone, and the layout is clang-format's. A source that stands
beside its header includes it first, so that the build itself proves it; the other headers are compiled here. What was found good
is remembered in build/tidy by a hash of the header and all it includes of ours, so a second run costs nothing."""
import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .sources import Finding

CLANG, FORMAT = "clang++-19", "clang-format-19"


def _digest(tree, source, memo):
    """Over the header and, once each, every header of ours that it includes, however deep."""
    seen, todo = set(), [source.name_in_src]
    while todo:
        name = todo.pop()
        if name in seen or f"src/{name}" not in tree.files:
            continue
        seen.add(name)
        todo += [included for _, included, quoted in tree.files[f"src/{name}"].includes if quoted]
    whole = hashlib.sha256(CLANG.encode())
    for name in sorted(seen):
        whole.update(name.encode() + tree.files[f"src/{name}"].text.encode())
    return whole.hexdigest()


def _source_beside(tree, header):
    return tree.files.get(str(header.path.with_suffix(".cc")))


def own_header_first(tree):
    for header in tree.cpp():
        source = _source_beside(tree, header) if header.path.suffix == ".h" else None
        if source and (not source.includes or source.includes[0][1] != header.name_in_src):
            yield Finding(str(source.path), 1, "headers", f"includes something before {header.name_in_src}, its own header")


def headers_compile_alone(tree):
    if not shutil.which(CLANG):
        yield Finding("tools/packages.txt", 1, "headers", f"{CLANG} is not installed: headers were not compiled", warning=True)
        return
    cache = tree.root / "build/tidy"
    cache.mkdir(parents=True, exist_ok=True)

    def check(source):
        good = cache / _digest(tree, source, {})
        if good.exists():
            return None
        done = subprocess.run([CLANG, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-pragma-once-outside-header",
                               "-march=x86-64-v2", "-I", "src", str(source.path)], cwd=tree.root, capture_output=True, text=True)
        if done.returncode == 0:
            good.touch()
            return None
        error = next((line for line in done.stderr.split("\n") if "error:" in line), done.stderr[:200])
        return Finding(str(source.path), 1, "headers", f"does not compile alone: {error}")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(check, [s for s in tree.cpp() if s.path.suffix == ".h" and not _source_beside(tree, s)]))


def layout(tree):
    if not shutil.which(FORMAT):
        return
    files = [str(s.path) for folder in ("src", "tests", "bench", "examples") for s in tree.cpp(folder)]

    def unformatted(some):
        """Many files a run: to start takes longer than to lay one out."""
        done = subprocess.run([FORMAT, "--dry-run", *some], cwd=tree.root, capture_output=True, text=True)
        return {line.split(":")[0] for line in done.stderr.split("\n") if "[-Wclang-format-violations]" in line}

    runs = os.cpu_count()
    with ThreadPoolExecutor(runs) as pool:
        found = set().union(*pool.map(unformatted, [some for some in (files[i::runs] for i in range(runs)) if some]))
    if found:
        yield Finding(min(found), 1, "format", f"{len(found)} of {len(files)} files are not as ./dev fmt would leave them", warning=True)


RULES = [own_header_first, headers_compile_alone, layout]
