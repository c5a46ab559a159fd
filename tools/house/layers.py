"""Arrows go down only: who may include whom, from src/layers.txt, and no cycle among the files of a room."""
from .sources import Finding


def table(tree):
    layers = tree.layers
    for room, below in layers.below.items():
        for lower in below:
            if lower not in layers.floor:
                yield Finding("src/layers.txt", 1, "layers", f"room {room} names {lower}, which is no room")
            elif layers.floor[lower] > layers.floor[room] or room in layers.below[lower]:
                yield Finding("src/layers.txt", 1, "layers", f"{room} (floor {layers.floor[room]}) may not stand on {lower} "
                              f"(floor {layers.floor[lower]}): arrows go down only")
            elif layers.pure[room] and not layers.pure[lower]:
                yield Finding("src/layers.txt", 1, "layers", f"{room} is pure and may not stand on {lower}, which is not")
    for source in tree.cpp():
        if source.room is None or source.room not in layers.floor:
            yield Finding(str(source.path), 1, "layers", "stands in no room of src/layers.txt; give the room a line there")


def includes(tree):
    layers = tree.layers
    for source in tree.cpp():
        if source.room not in layers.floor:
            continue
        allowed = {source.room, *layers.below[source.room]}
        for line, name, quoted in source.includes:
            room = name.split("/")[0] if "/" in name else None
            if not quoted:
                if room in layers.floor and f"src/{name}" in tree.files:
                    yield Finding(str(source.path), line, "layers", f'own headers are included in quotes: "{name}"')
                continue
            if room is not None and room not in layers.floor:
                continue   # a library's header
            if f"src/{name}" not in tree.files:
                yield Finding(str(source.path), line, "layers",
                              f'"{name}" is not a file under src/: write the path from src/, or <{name}> when it is not ours')
            elif room not in allowed:
                yield Finding(str(source.path), line, "layers",
                              f"{source.room} may not include {room}: it may include "
                              f"{', '.join(layers.below[source.room]) or 'nothing'} (src/layers.txt). "
                              "Move what is needed down, or pass it in as a value")


def cycles(tree):
    graph = {s.name_in_src: [n for _, n, quoted in s.includes if quoted and f"src/{n}" in tree.files] for s in tree.cpp()}
    state = {}

    def visit(name, trail):
        state[name] = "open"
        for next_name in graph.get(name, ()):
            if state.get(next_name) == "open":
                loop = trail[trail.index(next_name):] if next_name in trail else [next_name]
                yield Finding("src/" + name, 1, "layers", "headers include each other: " + " -> ".join([*loop, next_name]))
            elif next_name not in state:
                yield from visit(next_name, [*trail, next_name])
        state[name] = "done"

    for name in graph:
        if name not in state:
            yield from visit(name, [name])


RULES = [table, includes, cycles]
