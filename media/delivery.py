"""Who acknowledges messages: the one setting on which every step that meets a store that is down depends."""

import enum


class Delivery(enum.Enum):
    """How a run treats work that cannot be finished because a store is down.

    BOUNDED: nobody holds the input, so an asset becomes a retryable dead letter, and a job that cannot write fails.
    RECEIPTS: this process holds the messages (Prism, DirectRunner); they are returned to their broker.
    RUNNER: the runner holds them in checkpoints (Dataflow, Flink); the bundle fails and is tried again.
    """

    BOUNDED = "bounded"
    RECEIPTS = "receipts"
    RUNNER = "runner"
