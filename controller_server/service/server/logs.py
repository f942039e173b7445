"""The server's log: one JSON object a line, rotated, UTF-8."""

from __future__ import annotations

import json
import logging
import logging.handlers
import time
from pathlib import Path

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_FILE_BYTES, _FILES = 5 << 20, 5


class JsonFormatter(logging.Formatter):
    """`time`, `level`, `event`, and whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        entry = {"time": stamp, "level": record.levelname.lower(), "event": record.getMessage()}
        entry |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def set_up_logging(path: Path) -> None:
    """Write everything from INFO on into a file that never grows past 25 MB altogether."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8")
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger("controller_server")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
