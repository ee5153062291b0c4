"""Options, turned once into a frozen and validated configuration; nothing here does I/O beyond reading YAML."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from media.completeness import Profile, load_profiles
from media.delivery import Delivery
from media.render import RenderLimits
from media.routes import Routes, load_routes
from media.uris import lies_inside
from media.variants import Preset, load_presets
from pipeline.options import INPUT_FORMS, ProofstreamOptions
from transforms.sources.feed import FeedSpec
from transforms.sources.folder import FolderListing, FolderSpec

DIRECT, PRISM, DATAFLOW = "DirectRunner", "PrismRunner", "DataflowRunner"
RUNNERS = (DIRECT, PRISM, DATAFLOW)

NO_VARIANTS = "none"
DUCKDB = "duckdb:"
BIGQUERY = "bigquery://"

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
PIXELS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_SUBSCRIPTION = re.compile(r"pubsub://([a-z][a-z0-9.:-]{4,}[a-z0-9])/([A-Za-z][\w.~+%-]{2,254})")


class ConfigError(ValueError):
    """An option that cannot work; the message says what is wrong and how to mend it."""


@dataclass(frozen=True)
class Config:
    """What a run does.

    Attributes:
        source: where notifications come from.
        runner: one of `RUNNERS`.
        delivery: who acknowledges, derived from runner and source.
        variants: URI of the variants' folder or prefix; None renders nothing.
        warehouse: URI of the warehouse.
        own_outputs: URIs below which the job writes.
        dedup_window: seconds.
        extract_deadline: seconds.
        max_bytes: largest object that is opened.
    """

    source: FolderListing | FeedSpec
    runner: str
    delivery: Delivery
    variants: str | None
    warehouse: str
    routes: Routes
    presets: Mapping[str, Preset]
    profiles: Mapping[str, Profile]
    limits: RenderLimits
    own_outputs: tuple[str, ...]
    dedup_window: float
    extract_deadline: float
    max_bytes: int
    progress: bool = False

    @property
    def bounded(self) -> bool:
        """Whether the run ends by itself."""
        return self.delivery is Delivery.BOUNDED


def config_from(options: PipelineOptions) -> Config:
    """Validates the options.

    Raises:
        ConfigError: for the first thing that cannot work.
    """
    ours = options.view_as(ProofstreamOptions)
    try:
        routes, presets, profiles = load_routes(ours.routes), load_presets(ours.presets), load_profiles(ours.profiles)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    _check_names("preset", routes.presets(), presets)
    _check_names("profile", routes.profiles(), profiles)
    source = _source(ours)
    runner = _runner(options.view_as(StandardOptions).runner, source)
    variants, warehouse = _variants(ours.variants), _warehouse(ours.warehouse)
    config = Config(
        source=source,
        runner=runner,
        delivery=_delivery(runner, source),
        variants=variants,
        warehouse=warehouse,
        routes=routes,
        presets=presets,
        profiles=profiles,
        limits=RenderLimits(
            max_pixels=_count("--max_pixels", ours.max_pixels, PIXELS),
            pixels_in_flight=_count("--pixels_in_flight", ours.pixels_in_flight, PIXELS),
        ),
        own_outputs=_own_outputs(variants, warehouse),
        dedup_window=_quantity("--dedup_window", ours.dedup_window, SECONDS),
        extract_deadline=_quantity("--extract_deadline", ours.extract_deadline, SECONDS),
        max_bytes=_count("--max_bytes", ours.max_bytes, BYTES),
        progress=ours.progress,
    )
    _refuse_loops(config)
    return config


def _source(ours: Any) -> FolderListing | FeedSpec:
    if not ours.input:
        raise ConfigError(f"--input is missing: give it {INPUT_FORMS}")
    if ours.max_in_work < 1:
        raise ConfigError("--max_in_work must be 1 or more")
    if "://" in ours.input:
        return _broker(ours)
    root = os.path.realpath(os.path.expanduser(ours.input))
    return FolderSpec(root, ours.max_in_work) if ours.watch else FolderListing(root)


def _broker(ours: Any) -> FeedSpec:
    if ours.watch:
        raise ConfigError("--watch is for a folder; a subscription is followed anyway")
    found = _SUBSCRIPTION.fullmatch(ours.input)
    if not found:
        raise ConfigError(f"--input={ours.input}: this is not {INPUT_FORMS}")
    try:
        from transforms.sources.pubsub import PubSubSpec
    except ImportError as error:
        raise ConfigError(
            f"--input={ours.input} needs the Google Cloud clients: pip install 'proofstream[gcp]'"
        ) from error
    return PubSubSpec(found.group(1), found.group(2), ours.max_in_work)


def _runner(asked: str | None, source: FolderListing | FeedSpec) -> str:
    runner = (asked or "").rpartition(".")[2] or (DIRECT if isinstance(source, FolderListing) else PRISM)
    if runner not in RUNNERS:
        raise ConfigError(f"--runner={asked}: this job runs on {', '.join(RUNNERS)}")
    if runner == DIRECT and not isinstance(source, FolderListing):
        raise ConfigError("DirectRunner cannot follow an input without end: leave --runner out, or give it PrismRunner")
    if runner == DATAFLOW and not source.uri.startswith("pubsub://"):
        raise ConfigError("Dataflow's workers cannot see this machine's folders: give --input a subscription")
    return runner


def _delivery(runner: str, source: FolderListing | FeedSpec) -> Delivery:
    if isinstance(source, FolderListing):
        return Delivery.BOUNDED
    return Delivery.RUNNER if runner == DATAFLOW else Delivery.RECEIPTS


def _variants(asked: str | None) -> str | None:
    if not asked:
        raise ConfigError("--variants is missing: give it gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, a FOLDER, or none")
    if asked == NO_VARIANTS:
        return None
    if "://" in asked:
        if not asked.startswith(("gs://", "s3://")):
            raise ConfigError(f"--variants={asked}: only gs://, s3:// and folders are known")
        return asked.rstrip("/")
    return os.path.realpath(os.path.expanduser(asked))


def _warehouse(asked: str | None) -> str:
    if not asked:
        raise ConfigError("--warehouse is missing: give it bigquery://PROJECT/DATASET or duckdb:FILE")
    file = os.path.realpath(os.path.expanduser(asked.removeprefix(DUCKDB)))
    if asked.startswith(DUCKDB) and asked not in (DUCKDB, f"{DUCKDB}:memory:"):
        if os.path.exists(file) and not os.path.isfile(file):
            raise ConfigError(f"--warehouse={asked}: {file} is there and is no file")
        return DUCKDB + file
    if asked.startswith(BIGQUERY):
        return asked
    raise ConfigError(f"--warehouse={asked}: this is neither bigquery://PROJECT/DATASET nor duckdb:FILE")


def _own_outputs(variants: str | None, warehouse: str) -> tuple[str, ...]:
    # DuckDB writes its log and its temporary files beside the database.
    file = warehouse.removeprefix(DUCKDB) if warehouse.startswith(DUCKDB) else None
    beside = (file, f"{file}.wal", f"{file}.tmp") if file else ()
    return tuple(output for output in (variants, *beside) if output)


def _refuse_loops(config: Config) -> None:
    for output in config.own_outputs:
        if lies_inside(output, config.source.uri):
            raise ConfigError(
                f"{output} lies inside the input {config.source.uri}: the job would take its own output for uploads; "
                "choose a place outside it"
            )
        if lies_inside(config.source.uri, output):
            raise ConfigError(
                f"the input {config.source.uri} lies inside {output}, and what lies there counts as this job's own: "
                "choose another place for the output"
            )


def _check_names(kind: str, asked: frozenset[str], known: Mapping[str, Any]) -> None:
    for name in sorted(asked - known.keys()):
        raise ConfigError(f"routes ask for the {kind} {name!r}; known are {', '.join(sorted(known))}")


def _quantity(option: str, text: str, units: Mapping[str, int]) -> float:
    found = _QUANTITY.fullmatch(str(text).strip())
    if not found or found.group(2) not in units or float(found.group(1)) <= 0:
        raise ConfigError(f"{option}={text}: write a number above 0 with one of {', '.join(filter(None, units))}")
    return float(found.group(1)) * units[found.group(2)]


def _count(option: str, text: str, units: Mapping[str, int]) -> int:
    number = int(_quantity(option, text, units))
    if number < 1:
        raise ConfigError(f"{option}={text}: this is less than one")
    return number
