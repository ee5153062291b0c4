"""What is checked before the job starts: each failure says what is wrong and how to mend it."""

from analytics.runner import apply_views
from media.errors import AssetError
from media.exiftool import find_exiftool
from pipeline.config import Config, ConfigError
from stores.objects import open_writer
from stores.warehouse import open_warehouse


def check(config: Config) -> None:
    """Checks tools, input and outputs, and creates the tables: a fresh table gives NOT_FOUND for a while.

    Raises:
        ConfigError: for the first thing that would fail the job.
    """
    try:
        find_exiftool()
        config.source.check()
        if config.variants:
            open_writer(config.variants).check()
        warehouse = open_warehouse(config.warehouse)
        try:
            warehouse.prepare()
            apply_views(warehouse)
        finally:
            warehouse.close()
    except (AssetError, OSError, RuntimeError, ValueError) as error:
        raise ConfigError(str(error)) from error
