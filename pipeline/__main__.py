"""Command line: `proofstream run`, `proofstream route`. Beam takes seconds to load: it is loaded where needed."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence

WRONG_USE = 2
"""Exit status for an option that cannot work, as argparse has it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; messages go to standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Beam says so whenever its Google Cloud parts are not installed, which a job without them does not need.
    logging.getLogger().addFilter(lambda record: not str(record.msg).startswith("apitools not found"))
    try:
        if arguments[:1] == ["run"] and not {"-h", "--help"} & set(arguments):
            return _run(arguments[1:])
        return _parse_and_call(arguments)
    except ValueError as error:
        print(f"proofstream: {error}", file=sys.stderr)
        return WRONG_USE


def leave(status: int) -> None:
    """Ends the process now: threads of a broken-off job must not hold it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(arguments: list[str]) -> int:
    # Until the job starts, nothing is held that would have to be finished or returned.
    signal.signal(signal.SIGTERM, lambda *_: leave(0))
    from pipeline.config import config_from
    from pipeline.options import parse_options
    from pipeline.run import START_AGAIN, run, start_again

    options = parse_options(arguments)
    status = run(config_from(options), options)
    if status == START_AGAIN:
        start_again()
    leave(status)
    return status


def _parse_and_call(arguments: list[str]) -> int:
    from media.routes import load_routes
    from pipeline.options import add_job_options

    parser = argparse.ArgumentParser(prog="proofstream", description="From upload notification to searchable record.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="start the job", epilog="Every option of Apache Beam is taken as well.")
    add_job_options(run)
    route = commands.add_parser("route", help="explain what routes.yaml decides for a URI")
    route.add_argument("uri")
    route.add_argument("--routes", metavar="FILE", help="routes.yaml; without it, the default decides")
    chosen = parser.parse_args(arguments)
    for line in load_routes(chosen.routes).explain(chosen.uri):
        print(line)
    return 0


def console() -> None:
    """Entry point of the console script."""
    sys.exit(main())


if __name__ == "__main__":
    console()
