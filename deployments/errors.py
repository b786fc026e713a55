"""What a busy server answers; the rest of the tree is :mod:`tts_models.errors`."""

from __future__ import annotations

from tts_models.errors import TtsError


class Overloaded(TtsError):
    """As much work waits as is accepted; args: message, seconds to wait before a new try."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)

    @property
    def retry_after_s(self) -> float:
        """Seconds after which a new try makes sense."""
        return float(self.args[1])


class ServerFull(Overloaded):
    """Nobody at all can come in: all places are taken, and all room to wait.

    Args: message, seconds to wait before a new try, the application whose desk says so where that is known.
    """

    def __init__(self, message: str, retry_after_s: float, application: str = "") -> None:
        super(Overloaded, self).__init__(message, retry_after_s, application)

    @property
    def application(self) -> str:
        """Whose desk is full; empty where nobody needs to know."""
        return str(self.args[2])


class StorageUnavailable(TtsError):
    """What is kept across restarts cannot be read or written now; args: message."""


class ShuttingDown(TtsError):
    """The server ends what it has begun and begins nothing more; args: message."""


class DeadlineExceeded(TtsError):
    """The work was not done by the request's deadline, or could not be.

    Args: message, seconds after which a new try makes sense, or 0 if only a later deadline would help.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message, retry_after_s)

    @property
    def retry_after_s(self) -> float:
        """Seconds after which a new try makes sense; 0 if none does with this deadline."""
        return float(self.args[1])
