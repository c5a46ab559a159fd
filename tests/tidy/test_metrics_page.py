"""docs/guide/metrics.md lists every family of src/export/metrics_text.cc, with its type and its labels, and none besides. Nothing is run."""
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE, PAGE = ROOT / "src/export/metrics_text.cc", ROOT / "docs/guide/metrics.md"
NAME = r'"((?:weir|process)_\w+)"'


def labels(text):
    """Of every sample in a piece of the source: names stand first in their braces, `{{"route", …}, {"cause", …}}`."""
    samples = re.findall(r"page_\.(?:sample|histogram)\(\{(\{.*?\})\}, ", text, re.S)
    return {name for sample in samples for name in re.findall(r'\{"(\w+)", ', sample)}


def families_of_the_source():
    """name → (type, labels). A family's samples follow it; where a function has one lambda for several, they have its type and labels."""
    families = {}
    for function in re.split(r"^  (?=void \w+\(\) \{$)", SOURCE.read_text(), flags=re.M)[1:]:
        shared = re.search(r"page_\.family\(family, Type::(\w+),", function)
        if shared:
            for name in re.findall(rf"sample\({NAME}, ", function):
                families[name] = (shared[1], labels(function))
            continue
        for piece in re.split(r"(?=page_\.family\()", function)[1:]:
            name, kind = re.match(rf"page_\.family\({NAME}, Type::(\w+),", piece).groups()
            assert name not in families, f"{name} is written twice"
            families[name] = (kind, labels(piece))
    return families


def families_of_the_page():
    page = PAGE.read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| [^|]+ \| [^|]*\|$", page, re.M)
    assert len(rows) == len(re.findall("^\\| `", page, re.M)), "a row is not of five cells: family, type, labels, what it says, alert"
    assert len(rows) == len({name for name, *_ in rows}), "a family has two rows"
    return {name: (kind, set(re.findall(r"`(\w+)`", of))) for name, kind, of in rows}


def test_the_source_is_read_whole():
    """Whatever looks like the name of a family was found as one, so that another way to write one is noticed here."""
    assert set(re.findall(NAME, SOURCE.read_text())) == set(families_of_the_source())


def test_the_page_has_every_family_of_the_source_and_none_besides():
    source, page = families_of_the_source(), families_of_the_page()
    assert not source.keys() - page.keys(), f"{PAGE.name} lacks these"
    assert not page.keys() - source.keys(), f"{SOURCE.name} has none of these"


def test_types_and_labels_are_those_of_the_source():
    source, page = families_of_the_source(), families_of_the_page()
    wrong = [f"{name}: {PAGE.name} says {page.get(name)}, {SOURCE.name} {source[name]}" for name in source if page.get(name) != source[name]]
    assert not wrong, "\n".join(wrong)
