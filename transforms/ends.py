"""How an event leaves the main line early: failed, superseded, or returned because a store is down."""

import logging

from apache_beam.pvalue import TaggedOutput

from media.delivery import Delivery
from media.errors import AssetError, Gone, StoreUnavailable, Superseded
from media.records import Outcome, OutcomeKind, UploadEvent
from transforms.counts import COUNTS
from transforms.dead_letters import event_failure

DONE, FAILED, IGNORED, RETURNED = "done", "failed", "ignored", "returned"
EARLY_ENDS = (FAILED, IGNORED, RETURNED)
"""Side outputs of every step on the main line: `Failure`s, outcomes, receipts."""

ALERTS = "unexpected_errors"
"""Counter of failures that nobody foresaw: any value above zero is a defect of ours."""

_LOGGER = logging.getLogger(__name__)


def early_end(stage: str, error: Exception, event: UploadEvent, delivery: Delivery) -> TaggedOutput:
    """The output for an event whose required step raised.

    Raises:
        StoreUnavailable: where the runner itself tries again.
    """
    successor_is_notified = delivery is not Delivery.BOUNDED or isinstance(error, Gone)
    if isinstance(error, Superseded) and successor_is_notified:
        _LOGGER.info("%s: %s", stage, error)
        return TaggedOutput(IGNORED, Outcome(OutcomeKind.IGNORED, event.receipt, "gone, or replaced since"))
    if isinstance(error, StoreUnavailable) and delivery is Delivery.RUNNER:
        raise error
    if isinstance(error, StoreUnavailable) and delivery is Delivery.RECEIPTS:
        _LOGGER.warning("%s: %s is returned: %s", stage, event.uri, error)
        return TaggedOutput(RETURNED, event.receipt)
    alert(stage, error, event.uri)
    return TaggedOutput(FAILED, event_failure(stage, error, event))


def alert(stage: str, error: Exception, uri: str) -> None:
    """Counts and logs an error that no `AssetError` foresaw."""
    if not isinstance(error, AssetError):
        COUNTS.add(ALERTS)
        _LOGGER.error("%s: %s: unexpected error", stage, uri, exc_info=error)
