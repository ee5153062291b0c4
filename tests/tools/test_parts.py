"""The real parts themselves: that they start, and that their helpers tell the truth."""

import subprocess
from pathlib import Path

from google.pubsub_v1 import SubscriberClient

from tests.parts.pubsub import PULL_SECONDS, PubSubEmulator


def pull(subscriber: SubscriberClient, subscription: str, most: int) -> list[str]:
    answer = subscriber.pull(subscription=subscription, max_messages=most, timeout=5 * PULL_SECONDS)
    return [each.ack_id for each in answer.received_messages]


def test_prism_is_a_program_that_knows_its_options(prism: Path) -> None:
    told = subprocess.run([str(prism), "-help"], capture_output=True, text=True, timeout=30)
    assert "job_port" in told.stdout + told.stderr


def test_pubsub_keeps_payload_and_attributes(pubsub_emulator: PubSubEmulator) -> None:
    channel = pubsub_emulator.channel()
    identifier = channel.publish(b'{"name": "a.jpg"}', {"eventType": "OBJECT_FINALIZE"})
    answer = pubsub_emulator.subscriber.pull(subscription=channel.subscription, max_messages=10, timeout=5)
    (received,) = answer.received_messages
    assert received.message.message_id == identifier
    assert received.message.data == b'{"name": "a.jpg"}'
    assert dict(received.message.attributes) == {"eventType": "OBJECT_FINALIZE"}


def test_what_is_left_counts_leased_messages_but_not_acknowledged_ones(pubsub_emulator: PubSubEmulator) -> None:
    channel = pubsub_emulator.channel(ack_deadline=10)
    ids = channel.publish_all([(b"%d" % number, {}) for number in range(5)])
    handles = pull(pubsub_emulator.subscriber, channel.subscription, 3)
    pubsub_emulator.subscriber.acknowledge(subscription=channel.subscription, ack_ids=handles[:1])
    left = channel.left()
    assert len(left) == 4
    assert set(left) < set(ids)


def test_an_empty_subscription_has_nothing_left(pubsub_emulator: PubSubEmulator) -> None:
    assert pubsub_emulator.channel().left(seconds=1) == []


def test_channels_do_not_share_messages(pubsub_emulator: PubSubEmulator) -> None:
    first, second = pubsub_emulator.channel(), pubsub_emulator.channel()
    first.publish(b"one")
    assert first.uri != second.uri
    assert second.left(seconds=1) == []
    assert len(first.left(seconds=1)) == 1
