"""Jobs on a real server with a real worker: what a client sees of them, whatever happens to either."""

from __future__ import annotations

import time

import pytest
from helpers.service_cases import QUICK, ServerProcess, assert_same_arrays, short_clip, until

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import clip_to_arrays
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import result_arrays
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.client.client import JobProgress, Preview, new_job_id
from controller_server.service.protocol.errors import JobCancelled, JobTimeout, ServerError
from controller_server.service.protocol.payload import split_text


def direct(clip, settings):
    """What the conversion gives when it is called in place."""
    result = convert(clip, ConvertSettings.from_dict(settings))
    return split_text({**clip_to_arrays(result.simulated_clip), **result_arrays(result)})[1]


def test_a_simulated_clip_is_what_convert_gives(client, tmp_path):
    """Give, over the wire and after another job, the arrays of a conversion in place, bit for bit, and write them."""
    settings = {**QUICK, "seed": 3}
    told: list[JobProgress] = []
    client.simulate(short_clip(3), {**QUICK, "seed": 8})
    result = client.simulate(short_clip(8), settings, on_progress=told.append)
    assert_same_arrays(dict(result.arrays), direct(short_clip(8), settings))
    assert [p.stage for p in told][0] == "prepare" and told[-1].stage == "measure"
    assert any(p.eta_s is not None for p in told)
    assert result.meta["settings"] == ConvertSettings.from_dict(settings).to_dict()
    assert result.clip.n_frames == 8
    assert result.write(tmp_path / "out.npz") == [tmp_path / "out.npz"]
    assert read_clip([tmp_path / "out.npz"]).clip.n_frames == 8


def test_previews_are_the_motion_so_far(client):
    """Show the motion while it is made, when asked for."""
    seen: list[Preview] = []
    client.simulate(short_clip(), QUICK, on_preview=seen.append)
    assert seen and seen[0].stage == "search"
    assert seen[0].positions.shape == (len(seen[0].time), 2, len(seen[0].joints), 3)
    assert 0.5 < seen[0].positions[..., 2].max() < 2.5


def test_sending_twice_is_harmless(client):
    """Answer the same job sent again with the same result, and do it once."""
    job = new_job_id()
    first = client.simulate(short_clip(2), QUICK, job=job)
    again = client.simulate(short_clip(2), QUICK, job=job)
    assert_same_arrays(dict(first.arrays), dict(again.arrays))
    assert [info.job for info in client.jobs(1000)].count(job) == 1
    with pytest.raises(ServerError, match="another job has this id") as refused:
        client.submit(short_clip(2), {**QUICK, "seed": 1}, job=job)
    assert refused.value.code == "job_conflict"


def test_a_client_may_vanish_and_another_may_fetch(server, client):
    """Keep the result for whoever knows the id."""
    with server.connect() as vanishing:
        job = vanishing.submit(short_clip(2), QUICK)
    assert client.wait(job).meta["scores"]["success"]
    assert client.fetch(job).job == job
    info = client.status(job)
    assert (info.state, info.frames, info.kept) == ("done", 2, True)
    assert info.started is not None and info.ended is not None and info.created <= info.started <= info.ended


def test_cancelling_is_confirmed(client):
    """End a running and a waiting job, and give nothing of them afterwards."""
    running, waiting = client.submit(short_clip(60), QUICK), client.submit(short_clip(2), QUICK)
    until(lambda: client.status(running).state == "running")
    client.cancel(waiting)
    client.cancel(running)
    for job in (running, waiting):
        assert client.status(job).state == "cancelled"
        with pytest.raises(JobCancelled):
            client.wait(job)
        client.cancel(job)  # again is harmless
    assert client.simulate(short_clip(2), QUICK).meta["scores"]["success"]


def test_a_caller_can_cancel_while_waiting(client):
    """Cancel when `should_cancel` says so, and when `on_progress` raises."""
    job, began = new_job_id(), time.monotonic()
    with pytest.raises(JobCancelled):
        client.simulate(short_clip(60), QUICK, job=job, should_cancel=lambda: time.monotonic() > began + 0.3)
    assert client.status(job).state == "cancelled"

    def stop(progress: JobProgress) -> None:
        raise KeyboardInterrupt

    job = new_job_id()
    with pytest.raises(KeyboardInterrupt):
        client.simulate(short_clip(60), QUICK, job=job, on_progress=stop)
    assert client.status(job).state == "cancelled"


def test_waiting_is_bounded(client):
    """Give up waiting after the time given; the job goes on."""
    job = client.submit(short_clip(60), QUICK)
    with pytest.raises(JobTimeout):
        client.wait(job, timeout=0.2)
    with pytest.raises(ServerError, match="running|queued"):
        client.fetch(job)
    client.cancel(job)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"quality": "best"}, "bad_input", "none of default, draft"),
        ({"colour": "red"}, "bad_input", "no entry 'colour'"),
        ({"policy": "../../etc"}, "bad_input", "this server has"),
        ({"policy": "/etc/passwd"}, "bad_input", "this server has"),
    ],
)
def test_impossible_settings_are_refused(client, settings, code, said):
    """Refuse at once, saying what is wrong, and keep nothing."""
    job = new_job_id()
    with pytest.raises(ServerError, match=said) as refused:
        client.submit(short_clip(2), settings, job=job)
    assert refused.value.code == code
    with pytest.raises(ServerError) as unknown:
        client.status(job)
    assert unknown.value.code == "no_such_job"


def test_an_unknown_engine_is_refused(client):
    """Name the engines there are."""
    for asked in ({"engine": "isaacgym"}, {"settings": {"engine": "isaacgym"}}):
        with pytest.raises(ServerError, match="this server has mujoco") as refused:
            client.submit(short_clip(2), **asked)
        assert refused.value.code == "no_engine"


def test_the_server_says_what_it_can_do(client):
    """Tell engines, controllers, qualities, policies, limits and workers."""
    welcome = client.hello()
    assert welcome["capabilities"]["engines"] == ["mujoco"]
    assert "search" in welcome["capabilities"]["controllers"]
    assert welcome["limits"]["frames"] == 20_000
    status = client.server_status()
    assert status["workers"][0]["state"] in ("idle", "busy", "starting", "down")
    assert status["jobs"]["failed"] == 0


def test_a_killed_server_goes_on_where_it_was(tmp_path):
    """Finish, after kill -9 and a new start, what was queued and what was running, with the same arrays."""
    server, settings = ServerProcess(tmp_path), {**QUICK, "seed": 4}
    server.start()
    endpoint = server.endpoint
    with server.connect(lost_s=30) as client:
        jobs = [client.submit(short_clip(), settings) for _ in range(3)]
        until(lambda: client.status(jobs[0]).state == "running")
        server.kill()
        server.start(endpoint)
        results = [client.wait(job) for job in jobs]  # the same client, which noticed nothing
        expected = direct(short_clip(), settings)
        for result in results:
            assert_same_arrays(dict(result.arrays), expected)
        assert client.server_status()["jobs"] == {"queued": 0, "running": 0, "done": 3, "failed": 0, "cancelled": 0}
    assert server.stop() == 0
