"""Asset → AssetRows: one record with everything that the steps before have found, and its rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

import apache_beam as beam

from media.completeness import Profile, Score, score
from media.delivery import Delivery
from media.records import AssetRecord, AssetRows, Completeness, CompletenessRow, EventKind, RawMetadata, Status
from media.uris import asset_id, parse_uri
from transforms.asset import Asset
from transforms.ends import DONE, EARLY_ENDS, early_end
from transforms.extract import STAGE as EXTRACT

STAGE = "index"


@dataclass
class Index(beam.PTransform):
    """Composes records, scores their completeness, and gives the opened object back.

    Attributes:
        delivery: as for the other required steps.
        profiles: completeness profiles by name; routes choose among them.
    """

    delivery: Delivery
    profiles: Mapping[str, Profile]

    def expand(self, assets: beam.PCollection[Asset]) -> Any:
        """Main output: `DONE`."""
        do_fn = _IndexDoFn(self.delivery, self.profiles)
        return assets | "Compose record" >> beam.ParDo(do_fn).with_outputs(*EARLY_ENDS, main=DONE)


class _IndexDoFn(beam.DoFn):
    def __init__(self, delivery: Delivery, profiles: Mapping[str, Profile]) -> None:
        self._delivery = delivery
        self._profiles = profiles

    def process(self, asset: Asset) -> Iterator[Any]:
        try:
            _check_unchanged(asset)
            profiles = [self._profiles[name] for name in asset.event.decision.profiles]
            yield asset_rows(asset, profiles, datetime.now(timezone.utc))
        except Exception as error:
            yield early_end(STAGE, error, asset.event, self._delivery)
        finally:
            asset.close()


def _check_unchanged(asset: Asset) -> None:
    # Tools read a local original by its path; another copy may have taken its place meanwhile.
    if asset.source is not None and asset.path == asset.event.uri:
        asset.source.check_unchanged()


def asset_rows(asset: Asset, profiles: list[Profile], now: datetime) -> AssetRows:
    """All rows of one processed version; a delete has its tombstone only."""
    event = asset.event
    if event.kind is EventKind.DELETE or asset.metadata is None:
        return AssetRows(_record(asset, (), now), event.receipt, event.notification)
    scores = [score(asset.metadata.fields, profile) for profile in profiles]
    record = _record(asset, scores, now)
    return AssetRows(
        record=record,
        receipt=event.receipt,
        notification=event.notification,
        # In order, since ExifTool's own depends on which files it has read before.
        raw=RawMetadata(
            record.asset_id, record.version, now, json.dumps(asset.raw, ensure_ascii=False, sort_keys=True)
        ),
        completeness=tuple(_completeness_row(record, result, now) for result in scores),
    )


def _record(asset: Asset, scores: list[Score] | tuple[()], now: datetime) -> AssetRecord:
    event, metadata, uri = asset.event, asset.metadata, parse_uri(asset.event.uri)
    described = asdict(metadata.fields) if metadata else {}
    if asset.width:
        described.update(width=asset.width, height=asset.height)
    return AssetRecord(
        **described,
        asset_id=asset_id(event.uri),
        uri=event.uri,
        bucket=uri.bucket or None,
        name=uri.name,
        version=asset.info.version if asset.info else event.version,
        version_order=event.version_order,
        team=event.decision.team,
        contributor=event.decision.contributor,
        size_bytes=asset.info.size_bytes if asset.info else None,
        checksum=asset.checksum,
        uploaded_at=event.uploaded_at,
        processed_at=now,
        latency=tuple(asset.latency),
        variants=asset.variants,
        completeness=tuple(Completeness(result.profile, result.score, result.missing) for result in scores),
        provenance=metadata.provenance if metadata else (),
        status=_status(asset),
        issues=tuple(asset.issues),
        trace_id=event.trace_id,
    )


def _status(asset: Asset) -> Status:
    if asset.event.kind is EventKind.DELETE:
        return Status.DELETED
    # What ExifTool found odd about a file is an issue, but nothing is missing from the record.
    failed = any(issue.stage != EXTRACT for issue in asset.issues)
    return Status.PARTIAL if failed else Status.COMPLETE


def _completeness_row(record: AssetRecord, result: Score, now: datetime) -> CompletenessRow:
    uploaded_at = record.uploaded_at or now
    return CompletenessRow(
        asset_id=record.asset_id,
        version=record.version,
        version_order=record.version_order,
        uploaded_at=uploaded_at,
        hour=uploaded_at.replace(minute=0, second=0, microsecond=0),
        team=record.team,
        contributor=record.contributor,
        media_type=record.media_type,
        profile=result.profile,
        score=result.score,
        present=result.present,
        missing=result.missing,
        template=result.template,
        processed_at=now,
    )
