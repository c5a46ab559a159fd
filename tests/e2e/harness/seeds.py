"""Four of the five outages that weir comes from, each as the push that made it, and beside it a push of the same kind that hurts
nobody. Made of any text of T0's configuration (examples/drill/t0-gateway.yaml): as it is, or with the ports of a run."""
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Push:
    seed: str
    what: str          # what it names: of a limit, a route, an upstream's first endpoint
    place: str         # a regular expression; all that its groups hold is replaced
    harmful: tuple
    harmless: tuple

    def of(self, text, values):
        match, = re.finditer(self.place, text)
        for group in range(len(values), 0, -1):
            text = text[:match.start(group)] + values[group - 1] + text[match.end(group):]
        return text

    def candidate(self, text):
        return self.of(text, self.harmful)

    def neighbour(self, text):
        return self.of(text, self.harmless)


PUSHES = {
    # A limit of each caller, 60/s to 3/s. The first of T0's callers asks 20 times a second, so 40/s holds.
    "limit-too-tight": Push("000", "per-key", r"name: per-key, key: caller, rate: (60/s), burst: (120)", ("3/s", "6"), ("40/s", "80")),
    # The limit that all share, below what all ask: 300 a second.
    "shared-limit-low": Push("002", "spike-arrest", r"name: spike-arrest, key: all, rate: (900/s), burst: (450)", ("190/s", "95"), ("600/s", "300")),
    # Of lognormal(8ms 0.5) a fifth takes longer than 12 ms, and one in ten million longer than 120 ms.
    "auth-timeout": Push("003", "auth", r"upstream: auth, timeouts: {response: (250ms)}", ("12ms",), ("200ms",)),
    # Ten of thirteen at one endpoint of four, 127 a second where it bears 83; three of nine are 55.
    "weights-wrong": Push("004", "catalog", r"name: catalog\n +endpoints:\n" + r" +- {address: \S+, weight: (1)}\n" * 4,
                          ("10", "1", "1", "1"), ("3", "2", "2", "2")),
}
