"""The job: from notification to record, on one screen."""

import apache_beam as beam

from pipeline.config import Config
from transforms import deduplicate, ends, parse
from transforms.coders import register_coders
from transforms.deduplicate import Deduplicate
from transforms.extract import Extract
from transforms.index import Index
from transforms.parse import Parse
from transforms.read import Read
from transforms.render import Render
from transforms.settle import GiveBack, Settle
from transforms.write import Write


def build(pipeline: beam.Pipeline, config: Config) -> None:
    """Adds the whole job to a pipeline.

    Every event ends in exactly one `Settle` or `GiveBack`. These are applied to each branch rather than to a Flatten,
    which would end the fused stage: then nothing of a bounded run would be written before all of it was rendered.
    """
    register_coders()
    delivery = config.delivery

    notifications = pipeline | "Read" >> Read(config.source, delivery)
    parsed = notifications | "Parse" >> Parse(config.routes, config.own_outputs)
    events = parsed[parse.EVENTS] | "Deduplicate" >> Deduplicate(config.dedup_window, config.bounded)

    extracted = events[deduplicate.UNIQUE] | "Extract" >> Extract(delivery, config.max_bytes, config.extract_deadline)
    rendered = extracted[ends.DONE] | "Render" >> Render(delivery, config.variants, config.presets, config.limits)
    indexed = rendered[ends.DONE] | "Index" >> Index(delivery, config.profiles)
    written = indexed[ends.DONE] | "Write" >> Write(config.warehouse, delivery)

    failures = {
        "malformed": parsed[parse.MALFORMED],
        "not extracted": extracted[ends.FAILED],
        "not indexed": indexed[ends.FAILED],
    }
    letters = {name: failed | f"Write {name}" >> Write(config.warehouse, delivery) for name, failed in failures.items()}

    outcomes = {
        "recorded": written[ends.DONE],
        "duplicates": events[deduplicate.DUPLICATES],
        "ignored": parsed[parse.IGNORED],
        "superseded": extracted[ends.IGNORED],
        "superseded in work": indexed[ends.IGNORED],
        **{name: letter[ends.DONE] for name, letter in letters.items()},
    }
    for name, outcome in outcomes.items():
        outcome | f"Settle {name}" >> Settle()

    steps = {"Extract": extracted, "Render": rendered, "Write": written, **letters}
    for name, step in steps.items():
        step[ends.RETURNED] | f"Return from {name}" >> GiveBack()
