"""The controller server: wire protocol, job store, server loop, workers, client.

`client` and `protocol` need numpy, pyzmq and msgpack alone; nothing here imports an engine before it is used.
"""
