"""Where notifications come from: one transform over every kind of source."""

from dataclasses import dataclass
from datetime import timezone

import apache_beam as beam

from media.delivery import Delivery
from media.records import Notification
from transforms.sources.feed import FeedSpec, read_feed
from transforms.sources.folder import FolderListing, list_folder


@dataclass
class Read(beam.PTransform):
    """Reads notifications.

    Attributes:
        source: a folder to list once, or a feed to follow.
        delivery: where the runner acknowledges, it also reads, with its own connector.
    """

    source: FolderListing | FeedSpec
    delivery: Delivery

    def expand(self, pipeline: beam.pvalue.PBegin) -> beam.PCollection[Notification]:
        """Notifications, in bundles small enough to be worked on side by side."""
        if isinstance(self.source, FolderListing):
            root = pipeline | "Folder" >> beam.Create([self.source.root])
            return root | "List" >> beam.FlatMap(list_folder).with_output_types(Notification)
        if self.delivery is Delivery.RUNNER:
            return pipeline | "Read natively" >> _NativePubSub(self.source.uri)
        return pipeline | "Read feed" >> read_feed(self.source)


@dataclass
class _NativePubSub(beam.PTransform):
    uri: str

    def expand(self, pipeline: beam.pvalue.PBegin) -> beam.PCollection[Notification]:
        project, subscription = self.uri.removeprefix("pubsub://").split("/")
        path = f"projects/{project}/subscriptions/{subscription}"
        messages = pipeline | "Pub/Sub" >> beam.io.ReadFromPubSub(subscription=path, with_attributes=True)
        return messages | "To notification" >> beam.Map(_notification, self.uri).with_output_types(Notification)


def _notification(message: beam.io.PubsubMessage, uri: str) -> Notification:
    published = message.publish_time
    return Notification(
        source=uri,
        message_id=message.message_id or "",
        payload=message.data or b"",
        attributes=dict(message.attributes or {}),
        published_at=published.replace(tzinfo=timezone.utc) if published else None,
    )
