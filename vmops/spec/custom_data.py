"""The text that cloud-init reads at the first start, where it is in a file."""

from pathlib import Path

from vmops.spec import text_file
from vmops.spec.rules import values


def read(path: object) -> str:
    """Read the text as it is, without a byte order mark. Raises: ValueError, saying why it cannot be read."""
    try:
        return text_file.read(Path(values.text(path)).expanduser())
    except UnicodeDecodeError:
        raise ValueError(f"{path!r} is not UTF-8 text") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path!r} cannot be read: {getattr(error, 'strerror', error)}") from None
