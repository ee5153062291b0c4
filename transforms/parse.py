"""Notification → UploadEvent: reads the message, asks the routes, and leaves out what is no upload of ours."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from media.notifications import Ignored, Malformed, parse
from media.records import Notification, Outcome, OutcomeKind, UploadEvent
from media.routes import Routes
from media.uris import lies_inside
from media.variants import is_variant_key
from transforms.counts import COUNTS, IN
from transforms.dead_letters import Failure, dead_letter

EVENTS, IGNORED, MALFORMED = "events", "ignored", "malformed"


@dataclass
class Parse(beam.PTransform):
    """Splits messages into events, what is ignored (as outcomes) and what is malformed (as failures).

    Attributes:
        routes: decides for each object.
        own_outputs: URIs under which this job writes; what comes from there is never taken as an upload.
    """

    routes: Routes
    own_outputs: tuple[str, ...] = ()

    def expand(self, notifications: beam.PCollection[Notification]) -> Any:
        """Main output: `EVENTS`."""
        parsed = notifications | "Read message" >> beam.ParDo(_ParseDoFn(self.routes, self.own_outputs)).with_outputs(
            IGNORED, MALFORMED, main=EVENTS
        )
        parsed[EVENTS].element_type = UploadEvent
        return parsed


class _ParseDoFn(beam.DoFn):
    def __init__(self, routes: Routes, own_outputs: tuple[str, ...]) -> None:
        self._routes = routes
        self._own_outputs = own_outputs

    def process(self, notification: Notification) -> Iterator[Any]:
        for part in parse(notification):
            COUNTS.add(IN)
            if isinstance(part, Malformed):
                letter = dead_letter("parse", part.error, notification, part.receipt)
                yield TaggedOutput(MALFORMED, Failure(letter, part.receipt))
            elif isinstance(part, Ignored):
                yield self._ignored(part)
            else:
                yield self._routed(part)

    def _routed(self, event: UploadEvent) -> UploadEvent | TaggedOutput:
        if any(is_variant_key(event.uri.removeprefix(output).lstrip("/")) for output in self._own_outputs_of(event)):
            return self._ignored(Ignored(event.receipt, "written by this job"))
        decision = self._routes.decide(event.uri)
        if decision.ignore:
            return self._ignored(Ignored(event.receipt, f"left out by the route {decision.rule}"))
        return replace(event, decision=decision)

    def _own_outputs_of(self, event: UploadEvent) -> list[str]:
        return [output for output in self._own_outputs if lies_inside(event.uri, output)]

    def _ignored(self, part: Ignored) -> TaggedOutput:
        return TaggedOutput(IGNORED, Outcome(OutcomeKind.IGNORED, part.receipt, part.reason))
