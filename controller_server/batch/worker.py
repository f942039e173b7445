"""A batch's worker on this machine: the server's worker process with another function for what it does.

Orders and ends travel as JSON in the `text` of the same messages (docs/protocol.md).
"""

from __future__ import annotations

import json
import sys

import numpy as np

from controller_server.service.protocol.messages import Message
from controller_server.service.server import worker

from .work import Order, carry_out

MODULE = "controller_server.batch.worker"


def execute(order: Message, teller: worker.Teller) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Carry out one clip of a batch."""
    status = carry_out(Order.from_dict(json.loads(order["text"]["order"])), order["threads"], teller)
    return {"status": json.dumps(status)}, {}


if __name__ == "__main__":
    sys.exit(worker.main(execute))
