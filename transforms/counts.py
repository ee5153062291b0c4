"""The one helper through which the job counts: Beam's metrics, and this process's own counts that must add up."""

import threading
from collections import Counter

from apache_beam.metrics import Metrics

from media.records import OutcomeKind

NAMESPACE = "proofstream"
IN = "in"
RETURNED = "returned"
REASONS_SHOWN = 20
ENDS = (*(kind.value for kind in OutcomeKind), RETURNED)
"""How an event may leave this process; `returned` ones are the broker's again."""


class Counts:
    """Thread-safe counts of one process.

    Invariant: in = recorded + deleted + duplicate + ignored + dead-lettered + returned + in work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1) -> None:
        """Counts here and in Beam's metrics (a no-op outside a bundle)."""
        with self._lock:
            self._values[name] += amount
        Metrics.counter(NAMESPACE, name).inc(amount)

    def add_reason(self, reason: str) -> None:
        """Counts why an event was ignored."""
        with self._lock:
            self._reasons[reason] += 1

    def reasons(self) -> list[str]:
        """Why events were ignored, the most frequent first, a line each; at most `REASONS_SHOWN`."""
        with self._lock:
            return [f"ignored {count}: {reason}" for reason, count in self._reasons.most_common(REASONS_SHOWN)]

    def get(self, name: str) -> int:
        """One count."""
        with self._lock:
            return self._values[name]

    def settled(self) -> int:
        """How many events have ended."""
        with self._lock:
            return sum(self._values[name] for name in ENDS)

    def in_work(self) -> int:
        """How many events were read and have not ended."""
        with self._lock:
            return self._values[IN] - sum(self._values[name] for name in ENDS)

    def line(self) -> str:
        """The counts as one line for a person; what is zero and unusual is left out."""
        with self._lock:
            values = Counter(self._values)
        shown = [kind.value for kind in OutcomeKind] + [RETURNED] * bool(values[RETURNED])
        total = " + ".join(f"{name} {values[name]}" for name in shown)
        in_work = values[IN] - sum(values[name] for name in ENDS)
        return f"in {values[IN]} = {total}" + (f" + in work {in_work}" if in_work else "")


COUNTS = Counts()
"""This process's counts."""
