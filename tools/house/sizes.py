"""Sizes of files and functions (./dev stats), and a note where one outgrew a screen or a mind. Functions are found by
their braces at the end of a definition line, which clang-format makes regular enough to count."""
import re

from .sources import Finding

FILE_LINES = 400
FUNCTION_LINES = 70

_OPENS = re.compile(r"^( *)(?!.*\b(namespace|class|struct|enum|union)\b)[^\s#}/].*\)[^;={]*(\{|:.*\{)$")


def functions(source):
    """(name, first line, length) of each function body that begins with its signature's closing line ending in '{'."""
    lines = source.code
    number = 0
    while number < len(lines):
        match = _OPENS.match(lines[number])
        if match and not re.match(r"\s*(if|for|while|switch|else|do|catch|return|case)\b", lines[number]):
            indent = match.group(1)
            end = next((i for i in range(number + 1, len(lines)) if lines[i].startswith(indent + "}")), None)
            if end is not None:
                name = re.search(r"([\w:~]+)\s*\(", lines[number])
                yield (name.group(1) if name else "?"), number + 1, end - number + 1
                if len(indent) == 0:
                    number = end
        number += 1


def outgrown(tree):
    for source in tree.cpp():
        if len(source.lines) > FILE_LINES:
            yield Finding(str(source.path), 1, "size", f"{len(source.lines)} lines: is it still one idea? ({FILE_LINES})", warning=True)
        if source.is_test:
            continue
        for name, line, length in functions(source):
            if length > FUNCTION_LINES:
                yield Finding(str(source.path), line, "size", f"{name} has {length} lines, more than a screen ({FUNCTION_LINES})", warning=True)


RULES = [outgrown]
