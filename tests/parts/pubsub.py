"""Google's Pub/Sub emulator: one for the session, a topic and a subscription of its own for every test."""

import contextlib
import itertools
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.parts.common import free_port, listening, missing, require_program, running

PROJECT = "proofstream-tests"
CALL_SECONDS = 10
PULL_SECONDS = 1
"""The emulator answers an empty pull only when its time is over."""
PUBLISH_BATCH = 500
"""Pub/Sub takes at most 1,000 messages and 10 MB a request."""
LEASE_MARGIN_SECONDS = 2
"""How long after its deadline the emulator may take to deliver a message again."""

Message = tuple[bytes, Mapping[str, str]]
"""Payload and attributes."""


@dataclass(frozen=True)
class Channel:
    """A topic with one subscription; full resource names.

    Attributes:
        topic: `projects/PROJECT/topics/NAME`.
        subscription: `projects/PROJECT/subscriptions/NAME`.
        ack_deadline: seconds of the subscription.
    """

    topic: str
    subscription: str
    ack_deadline: int
    publisher: PublisherClient
    subscriber: SubscriberClient

    @property
    def uri(self) -> str:
        """The subscription as `--input` takes it."""
        _, project, _, name = self.subscription.split("/")
        return f"pubsub://{project}/{name}"

    def publish(self, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Publishes one message; returns its id."""
        return self.publish_all([(data, attributes or {})])[0]

    def publish_all(self, messages: Iterable[Message]) -> list[str]:
        """Publishes messages in order; returns their ids."""
        ids: list[str] = []
        waiting = [{"data": data, "attributes": dict(attributes)} for data, attributes in messages]
        for start in range(0, len(waiting), PUBLISH_BATCH):
            batch = waiting[start : start + PUBLISH_BATCH]
            ids += self.publisher.publish(topic=self.topic, messages=batch, timeout=CALL_SECONDS).message_ids
        return ids

    def left(self, seconds: float | None = None) -> list[str]:
        """Ids of the messages that nobody has acknowledged, then given back.

        Waits until nothing new has come for so long that every lease of a reader that died has run out; a reader
        that is alive keeps its messages, and they are not seen.

        Args:
            seconds: of silence to wait for; the ack deadline and a margin where not given.
        """
        silence = self.ack_deadline + LEASE_MARGIN_SECONDS if seconds is None else seconds
        handles: dict[str, str] = {}
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < silence:
            found = self._pull()
            if found.keys() - handles.keys():
                quiet_since = time.monotonic()
            handles |= found
        if handles:
            self.subscriber.modify_ack_deadline(
                subscription=self.subscription,
                ack_ids=list(handles.values()),
                ack_deadline_seconds=0,
                timeout=CALL_SECONDS,
            )
        return sorted(handles)

    def _pull(self) -> dict[str, str]:
        """Message ids and their newest handles; empty where nothing waits."""
        try:
            answer = self.subscriber.pull(
                subscription=self.subscription, max_messages=1000, timeout=PULL_SECONDS, retry=None
            )
        except DeadlineExceeded:
            return {}
        return {each.message.message_id: each.ack_id for each in answer.received_messages}


@dataclass(frozen=True)
class PubSubEmulator:
    """The running emulator, seen by clients of the test process.

    Attributes:
        address: `127.0.0.1:PORT`.
        project: the project that every channel lies in.
    """

    address: str
    publisher: PublisherClient
    subscriber: SubscriberClient
    project: str = PROJECT
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def env(self) -> dict[str, str]:
        """What Google's clients read, in this process (`monkeypatch.setenv`) and in others."""
        return {"PUBSUB_EMULATOR_HOST": self.address, "PUBSUB_PROJECT_ID": self.project}

    def channel(self, ack_deadline: int = 10) -> Channel:
        """A fresh topic with a subscription; Pub/Sub takes deadlines from 10 to 600 seconds."""
        number = next(self.numbers)
        topic = f"projects/{self.project}/topics/uploads-{number}"
        subscription = f"projects/{self.project}/subscriptions/uploads-{number}"
        self.publisher.create_topic(name=topic, timeout=CALL_SECONDS)
        request = {"name": subscription, "topic": topic, "ack_deadline_seconds": ack_deadline}
        self.subscriber.create_subscription(request=request, timeout=CALL_SECONDS)
        return Channel(topic, subscription, ack_deadline, self.publisher, self.subscriber)


@contextlib.contextmanager
def started_pubsub(folder: Path) -> Iterator[PubSubEmulator]:
    """Runs the emulator on a free port of 127.0.0.1, its log in the folder."""
    program = _emulator_program()
    port = free_port()
    # Two emulators on one machine would both take the default port of the access-control part.
    command = [str(program), "--host=127.0.0.1", f"--port={port}", "--iam_host=127.0.0.1", f"--iam_port={free_port()}"]
    with (
        running(command, folder / "emulator.log", listening(port)),
        grpc.insecure_channel(f"127.0.0.1:{port}") as wire,
    ):
        yield PubSubEmulator(
            f"127.0.0.1:{port}",
            PublisherClient(transport=PublisherGrpcTransport(channel=wire)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=wire)),
        )


@pytest.fixture(scope="session")
def pubsub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubSubEmulator]:
    """One emulator for the session."""
    with started_pubsub(tmp_path_factory.mktemp("pubsub")) as emulator:
        yield emulator


def _emulator_program() -> Path:
    """The emulator's own start script, inside the Google Cloud CLI; `gcloud` itself takes seconds longer."""
    require_program("java", "install a Java runtime (Debian: apt-get install default-jre-headless)")
    gcloud = shutil.which("gcloud")
    if gcloud:
        sdk = Path(gcloud).resolve().parents[1]
        program = sdk / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
        if program.is_file():
            return program
    missing("the Pub/Sub emulator", "install the Google Cloud CLI, then `gcloud components install pubsub-emulator`")
    raise AssertionError("unreachable: missing() skips or fails the test")
