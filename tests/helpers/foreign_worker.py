"""A worker written from docs/protocol.md alone, as one under another interpreter would be: zmq and msgpack, no more.

It simulates nothing: the result is the clip that came, and a clip's `source` says how to misbehave on the way. While
a file `hold` lies beside it, it does not get ready.
"""

import os
import sys
import threading
import time

import msgpack
import zmq


def end_with_server():
    """Leave when standard input closes."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main():
    """Serve jobs one at a time."""
    threading.Thread(target=end_with_server, daemon=True).start()
    socket = zmq.Context().socket(zmq.DEALER)
    token = os.environ["ASSISTMIMIC_WORKER_TOKEN"]
    socket.plain_username, socket.plain_password = b"worker", token.encode()
    socket.connect(sys.argv[1])

    def say(kind, frames=(), **fields):
        header = msgpack.packb(dict(fields, v=1, type=kind))
        assert header is not None
        socket.send_multipart([header, *frames])

    def cancelled(job):
        if not socket.poll(0):
            return False
        order = msgpack.unpackb(socket.recv())
        return order["type"] == "cancel" and order["job"] == job

    while os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hold")):
        time.sleep(0.005)
    say("ready", token=token, engine="mujoco")
    while True:
        head, *frames = socket.recv_multipart()
        order = msgpack.unpackb(head)
        if order["type"] == "stop":
            return
        if order["type"] == "run":
            carry_out(order, frames, say, cancelled)


def carry_out(order, frames, say, cancelled):
    """One job, done as its clip's source says."""
    job, how = order["job"], order["text"]["source"]
    say("progress", job=job, stage="foreign", done=0, total=4, unit="frames")
    if how == "crash":
        print("these are my last words", file=sys.stderr, flush=True)
        os.abort()
    if how.startswith("crash once "):
        marker = how[len("crash once ") :]
        if not os.path.exists(marker):
            with open(marker, "w"):
                os.abort()
    if how == "exit":
        os._exit(7)
    if how == "hang":
        time.sleep(3600)
    if how == "grow":
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)) * 16)
            say("progress", job=job, stage="foreign", done=0, total=4, unit="frames")
            time.sleep(0.01)
    if how == "nonsense":
        say("poem", job=job)
        time.sleep(3600)
    if how == "fail":
        say("failed", job=job, code="diverged", message="it fell over", detail="far away")
        return
    if how == "wrong job":
        say("result", job="somebody-elses", text={})
    for done in range(1, 400 if how == "long" else 5):
        if how in ("slow", "long"):
            time.sleep(0.05)
        say("progress", job=job, stage="foreign", done=done, total=400 if how == "long" else 4, unit="frames")
        if cancelled(job):
            say("cancelled", job=job)
            return
    say("result", frames, job=job, text=dict(order["text"], result_meta="{}"), arrays=order["arrays"])


main()
