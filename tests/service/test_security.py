"""Keys, owners, limits: who is let in, what they see, how much they may send."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
import yaml
import zmq
from helpers.service_cases import ServerProcess, foreign_server, short_clip, until

from controller_server import connect
from controller_server.core.errors import AssistMimicError
from controller_server.service.client.client import HANDSHAKE_FAILED, Client
from controller_server.service.client.location import Location
from controller_server.service.protocol.errors import ServerError, ServerLost
from controller_server.service.protocol.keys import (
    add_client,
    make_server_keys,
    read_client_key,
    read_clients,
    read_server_keys,
    remove_client,
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Server keys, and keys of ann and bob beside them."""
    make_server_keys(tmp_path / "keys")
    for name in ("ann", "bob"):
        add_client(tmp_path / "keys", name, tmp_path / f"{name}.key")
    return tmp_path / "keys"


def guarded(folder: Path, keys: Path) -> ServerProcess:
    """A server that asks for keys."""
    server = foreign_server(folder)
    server.arguments += ("--auth", str(keys))
    return server


def test_only_holders_of_keys_are_let_in(keys, tmp_path):
    """Serve a client with a key, over every address; refuse one without, one with a stranger's, one locked out."""
    make_server_keys(tmp_path / "others")
    add_client(tmp_path / "others", "eve", tmp_path / "eve.key")
    with guarded(tmp_path / "store", keys).start("tcp://0.0.0.0:0") as server:
        endpoint = server.endpoint.replace("0.0.0.0", "127.0.0.1")
        with connect(endpoint, key=tmp_path / "ann.key") as client:
            assert client.simulate(short_clip(2)).clip.n_frames == 2
        with pytest.raises(ServerLost, match="asks for a key"):
            connect(endpoint, lost_s=0.7)
        with pytest.raises(ServerLost, match="does not let this key in"):
            connect(endpoint, key=tmp_path / "eve.key", lost_s=0.7)
        remove_client(keys, "bob")
        time.sleep(1.1)
        with pytest.raises(ServerLost, match="does not let this key in"):
            connect(endpoint, key=tmp_path / "bob.key", lost_s=0.7)
        add_client(keys, "cleo", tmp_path / "cleo.key")  # while it runs
        time.sleep(1.1)
        connect(endpoint, key=tmp_path / "cleo.key").close()


def test_owners_see_their_own_jobs(keys, tmp_path):
    """Show nobody the jobs of another key, and let nobody cancel them; the same id is another job."""
    with guarded(tmp_path / "store", keys) as server, connect(server.endpoint, key=tmp_path / "ann.key") as ann:
        job = ann.submit(short_clip(2, source="long"), job="the-same-id")
        with connect(server.endpoint, key=tmp_path / "bob.key") as bob:
            for ask in (bob.status, bob.cancel, bob.wait):
                with pytest.raises(ServerError) as refused:
                    ask(job)
                assert refused.value.code == "no_such_job"
            assert bob.jobs() == []
            assert all(worker["job"] is None for worker in bob.server_status()["workers"])
            bob.submit(short_clip(3), job="the-same-id")
            assert bob.status("the-same-id").frames == 3
        assert ann.status(job).frames == 2
        ann.cancel(job)


def test_a_private_server_is_for_who_reads_its_port_file(tmp_path):
    """Let in who can read the file, with keys made for this run, and nobody else on the machine."""
    server = foreign_server(tmp_path)
    server.arguments += ("--private",)
    with server:
        assert stat.S_IMODE(server.port_file.stat().st_mode) == 0o600
        with server.connect() as client:
            assert client.simulate(short_clip(2)).clip.n_frames == 2
        with pytest.raises(ServerLost, match="asks for a key"):
            connect(server.endpoint, lost_s=0.7)


def test_secrets_are_for_their_owner(keys, tmp_path):
    """Write secret keys for their owner alone, refuse a server key others can read, show no secret."""
    for path in (keys / "server.json", tmp_path / "ann.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_client_key(tmp_path / "ann.key")
    assert key.pair.secret not in repr(key)
    assert key.pair.secret not in repr(Location("tcp://127.0.0.1:1", key))
    assert key.pair.secret not in (keys / "clients" / "ann.json").read_text()
    (keys / "server.json").chmod(0o644)
    with pytest.raises(AssistMimicError, match="others can read"):
        read_server_keys(keys)


def test_keys_are_not_overwritten(keys, tmp_path):
    """Refuse to make keys twice, to let a name in twice, and names that are none."""
    with pytest.raises(AssistMimicError, match="has keys already"):
        make_server_keys(keys)
    with pytest.raises(AssistMimicError, match="let in already"):
        add_client(keys, "ann", tmp_path / "again.key")
    with pytest.raises(AssistMimicError, match="exists"):
        add_client(keys, "new", tmp_path / "ann.key")
    for name in ("", "../evil", "a/b", ".hidden", "x" * 65):
        with pytest.raises(AssistMimicError, match="a name is"):
            add_client(keys, name, tmp_path / "x.key")
    with pytest.raises(AssistMimicError, match="ann, bob is"):
        remove_client(keys, "eve")
    assert sorted(read_clients(keys).values()) == ["ann", "bob"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"public": 5}', '{"public": "short", "secret": "x"}', "\xff"])
def test_a_damaged_key_is_said(tmp_path, text):
    """Name the file that is no key."""
    path = tmp_path / "x.key"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(AssistMimicError, match="x.key"):
        read_client_key(path)


@pytest.fixture
def limited(tmp_path: Path):
    """A client of a server with small limits, whose worker never finishes."""
    server = foreign_server(tmp_path)
    config = tmp_path / "server.yaml"
    values = yaml.safe_load(config.read_text())
    values["limits"] = {"frames": 50, "message_bytes": 300_000, "jobs_per_client": 3, "jobs": 5, "waiting_bytes": 10**6}
    config.write_text(yaml.safe_dump(values))
    with server, server.connect(name="one", lost_s=1.5) as client:
        yield server, client


def test_limits_hold(limited):
    """Refuse clips that are too long, messages that are too large, and more waiting jobs than a client may have."""
    server, client = limited
    with pytest.raises(ServerError, match="51 frames; at most 50") as refused:
        client.submit(short_clip(51))
    assert refused.value.code == "too_large"
    with pytest.raises((ServerError, ServerLost)):
        client.submit(short_clip(140))

    def fill(who: Client) -> ServerError:
        with pytest.raises(ServerError) as full:
            for _ in range(20):
                who.submit(short_clip(2, source="hang"))
        return full.value

    full = fill(client)
    assert full.code == "queue_full" and "of yours" in str(full)
    with server.connect(name="two") as other:
        assert fill(other).code == "queue_full"
        assert other.server_status()["jobs"]["queued"] == 5


def test_a_full_disk_is_said(tmp_path):
    """Refuse jobs while there is still room to say so."""
    server = foreign_server(tmp_path)
    config = tmp_path / "server.yaml"
    config.write_text(config.read_text() + "limits: {free_bytes: 1000000000000000}\n")
    with server, server.connect() as client:
        with pytest.raises(ServerError, match="disk is full") as refused:
            client.submit(short_clip(2))
        assert refused.value.code == "storage"


def test_strangers_are_no_workers(tmp_path):
    """Let nobody past the handshake of the workers' port who does not have the token of a worker that is waited for."""
    with foreign_server(tmp_path) as server, server.connect() as client:
        until(lambda: client.server_status()["workers"][0]["state"] == "idle")
        pid = client.server_status()["workers"][0]["pid"]
        endpoint = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[3].decode()
        token = dict(
            entry.split(b"=", 1) for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in entry
        )[b"ASSISTMIMIC_WORKER_TOKEN"]
        context = zmq.Context()
        for password in (None, b"guess", token):  # the token was good once
            stranger = context.socket(zmq.DEALER)
            stranger.setsockopt(zmq.LINGER, 0)
            if password is not None:
                stranger.plain_username, stranger.plain_password = b"worker", password
            refused = stranger.get_monitor_socket(HANDSHAKE_FAILED)
            stranger.connect(endpoint)
            was_refused = refused.poll(5000)
            stranger.disable_monitor()
            refused.close(linger=0)
            stranger.close()
            assert was_refused
        context.term()
        assert client.server_status()["workers"][0]["pid"] == pid
        assert client.simulate(short_clip(2)).clip.n_frames == 2
