"""Options of the job, as Beam's `PipelineOptions`; everything else is Beam's own."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions

INPUT_FORMS = "pubsub://PROJECT/SUBSCRIPTION or a FOLDER"


class ProofstreamOptions(PipelineOptions):
    """The options that are ours."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add_job_options(parser)


def add_job_options(parser: Any) -> None:
    """Adds our options to a parser, in groups for `--help`."""
    parser.add_argument("--input", metavar="URI", help=f"where uploads are announced: {INPUT_FORMS}")
    parser.add_argument("--watch", action="store_true", help="go on with new and changed files of a folder")
    parser.add_argument("--variants", metavar="URI", help="gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, a FOLDER, or none")
    parser.add_argument("--warehouse", metavar="URI", help="bigquery://PROJECT/DATASET or duckdb:FILE")
    parser.add_argument("--routes", metavar="FILE", help="routes.yaml: team, preset, profiles and policies by URI")
    parser.add_argument("--presets", metavar="FILE", help="YAML of variant presets beside the built-in ones")
    parser.add_argument("--profiles", metavar="FILE", help="YAML of completeness profiles beside the built-in ones")
    parser.add_argument(
        "--dedup_window", default="10m", metavar="DURATION", help="how long a repeated notification is recognised (10m)"
    )
    parser.add_argument("--max_bytes", default="2GiB", metavar="SIZE", help="larger objects are dead-lettered (2GiB)")
    parser.add_argument(
        "--max_pixels",
        default="250M",
        metavar="PIXELS",
        help="larger images get no variants (250M, that is megapixels)",
    )
    parser.add_argument(
        "--pixels_in_flight", default="120M", metavar="PIXELS", help="pixels decoded at once in one process (120M)"
    )
    parser.add_argument(
        "--extract_deadline", default="30s", metavar="DURATION", help="how long ExifTool may take for one file (30s)"
    )
    parser.add_argument(
        "--max_in_work", default=64, type=int, metavar="N", help="unsettled messages that one process holds (64)"
    )
    parser.add_argument("--progress", action="store_true", help="show a progress bar on a run that ends")


class StrictParser(argparse.ArgumentParser):
    """Refuses what is no option instead of passing it over, and says which option comes nearest."""

    def error(self, message: str) -> NoReturn:
        """Raises instead of exiting.

        Raises:
            ValueError: always.
        """
        raise ValueError(message)


def parse_options(argv: Sequence[str]) -> PipelineOptions:
    """Options from a command line; every name is either ours or Beam's.

    Raises:
        ValueError: for an unknown option or a value of the wrong type.
    """
    parser = StrictParser(add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for owner in _owners(PipelineOptions):
        owner._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(argv)
    if unknown:
        raise ValueError(_unknown_option(unknown[0], parser))
    return PipelineOptions(list(argv))


def _owners(base: type[PipelineOptions]) -> list[type[PipelineOptions]]:
    return [owner for child in base.__subclasses__() for owner in (child, *_owners(child))]


def _unknown_option(argument: str, parser: argparse.ArgumentParser) -> str:
    name = argument.split("=")[0]
    known = [option for action in parser._actions for option in action.option_strings]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else "; see proofstream run --help"
    return f"{name} is no option{hint}"
