"""The errors of one asset: a small family, so that a guard knows what to retry and what to dead-letter."""


class AssetError(Exception):
    """Something is wrong with one asset; the message is written for the person who uploaded it.

    Attributes:
        retryable: whether the same asset may succeed later without anybody changing it.
    """

    retryable = False


class MalformedNotification(AssetError):
    """A notification that cannot be parsed; it is dead-lettered with its bytes.

    Attributes:
        uri: the object it is about, where that much could be read.
    """

    def __init__(self, message: str, uri: str | None = None) -> None:
        super().__init__(message)
        self.uri = uri


class AssetTooLarge(AssetError):
    """An object over the limit of bytes, or an image over the limit of pixels."""


class Superseded(AssetError):
    """The version that the notification names is gone or replaced; its successor has its own notification."""


class Gone(Superseded):
    """The object is not there any more in any version."""


class ExtractionFailed(AssetError):
    """ExifTool could not say what the file is, or did not answer within its deadline."""


class RenderFailed(AssetError):
    """No variant could be made; an optional step, so it becomes an issue on the record."""


class StoreUnavailable(AssetError):
    """A store refused or did not answer after retries; nothing may be settled."""

    retryable = True


class RowRefused(AssetError):
    """The warehouse refuses this row whatever is tried; it is dead-lettered with the table's own words."""
