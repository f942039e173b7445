"""What may become a job, without a server around the rules."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.service_cases import a_job
from helpers.standing import standing_pair

from controller_server.service.protocol.messages import Message
from controller_server.service.protocol.payload import clip_to_payload
from controller_server.service.server.admission import Admission, Refused, no_such_job
from controller_server.service.server.options import Limits

LIMITS = Limits(frames=10, jobs_per_client=2, jobs=5, waiting_bytes=1000, free_bytes=100)


@pytest.fixture
def admission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Admission:
    """Rules of a small server with one engine, one policy and 1,000 bytes free."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    return Admission(LIMITS, ["mujoco"], lambda: ["lift"], tmp_path)


def submission(frames: int = 4, **settings: Any) -> Message:
    """A job's message."""
    text, arrays = clip_to_payload(standing_pair(frames))
    return Message("submit", {"job": "job-1234", "settings": settings, "text": text}, arrays)


def refused(admission: Admission, message: Message) -> tuple[str, str]:
    """Code and sentence of a refusal."""
    with pytest.raises(Refused) as caught:
        admission.check_contents(message)
    return caught.value.code, str(caught.value)


def test_contents(admission: Admission):
    """Take a possible clip, and say of any other what is wrong."""
    assert admission.check_contents(submission()) == 4
    assert admission.check_contents(submission(policy="lift")) == 4
    assert refused(admission, submission(11))[0] == "too_large"
    code, sentence = refused(admission, submission(policy="../secret"))
    assert code == "bad_input" and "lift" in sentence
    assert refused(admission, submission(quality="lavish"))[0] == "bad_input"
    whole = submission()
    broken = {**whole.arrays, "supporter_trans": np.full((4, 3), np.nan)}
    assert refused(admission, Message("submit", whole.fields, broken))[0] == "bad_input"


def test_engine(admission: Admission):
    """Find the engine where old and new clients name it, and refuse one nobody here has."""
    assert admission.engine_of(submission()) == "mujoco"
    assert admission.engine_of(submission(engine="other")) == "other"
    old = Message("submit", {**submission(engine="mujoco").fields, "engine": "older"}, {})
    assert admission.engine_of(old) == "older"
    admission.check_engine("mujoco")
    with pytest.raises(Refused, match="mujoco") as caught:
        admission.check_engine("other")
    assert caught.value.code == "no_engine"


@pytest.mark.parametrize(
    ("full", "code"),
    [
        ({"of_client": 2}, "queue_full"),
        ({"of_all": 5}, "queue_full"),
        ({"bytes_of_all": 990}, "queue_full"),
        ({"n_bytes": 901}, "storage"),
    ],
)
def test_room(admission: Admission, full: dict[str, int], code: str):
    """Take a job up to each limit, and refuse the one past it."""
    room = {"n_bytes": 11, "of_client": 1, "of_all": 4, "bytes_of_all": 0}
    admission.check_room(**room)
    limit = dict(room)
    for name, value in full.items():
        limit[name] = value - 1
    admission.check_room(**limit)
    with pytest.raises(Refused) as caught:
        admission.check_room(**{**room, **full})
    assert caught.value.code == code


def test_unknown_job():
    """Tell a stranger no more than that there is no such job."""
    error = no_such_job(a_job("job-9999").key)
    assert error.code == "no_such_job" and "job-9999" in str(error)
