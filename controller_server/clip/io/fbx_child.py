"""Read an FBX file in a process of its own, as the library that reads it may crash: FBX in, `.npz` out.

Run as a script: `python fbx_child.py IN.fbx OUT.npz`. It needs ufbx and numpy alone. What it writes: node names,
parents, which nodes are bones and which do not take over their parent's scale, local transforms at rest and over time,
the frame rate; Y up, metres.
"""

from __future__ import annotations

import sys

MOST_NODES, MOST_FRAMES = 2_000, 20_000
_MEMORY = 4 * 2**30


def main(source: str, target: str) -> int:
    """Read one file and write what is in it."""
    _limit_memory()
    import numpy as np
    import ufbx  # pyright: ignore[reportMissingImports]

    scene = ufbx.load_file(source, target_axes=ufbx.axes_right_handed_y_up, target_unit_meters=1.0)
    nodes = list(scene.nodes)
    stacks = list(scene.anim_stacks)
    if not stacks:
        print("no animation in it")
        return 3
    stack = max(stacks, key=lambda entry: entry.time_end - entry.time_begin)
    rate = float(scene.settings.frames_per_second) or 30.0
    count = int(round((stack.time_end - stack.time_begin) * rate)) + 1
    if len(nodes) > MOST_NODES or count > MOST_FRAMES:
        print(f"{len(nodes)} nodes and {count} frames; at most {MOST_NODES} and {MOST_FRAMES}")
        return 3
    rows = {node.element_id: row for row, node in enumerate(nodes)}
    parents = [-1 if node.parent is None else rows[node.parent.element_id] for node in nodes]
    values = np.zeros((count + 1, len(nodes), 10))  # the first is the rest pose
    for row, node in enumerate(nodes):
        values[0, row] = _numbers(node.local_transform)
        for frame in range(count):
            values[frame + 1, row] = _numbers(node.evaluate_transform(stack.anim, stack.time_begin + frame / rate))
    np.savez(
        target,
        names=np.array([node.name for node in nodes], dtype=str),
        parents=np.array(parents),
        bones=np.array([node.bone is not None for node in nodes]),
        unscaled=np.array([int(node.inherit_mode) == 1 for node in nodes]),
        values=values,
        rate=rate,
        take=np.array(str(stack.name)),
        takes=len(stacks),
    )
    return 0


def _numbers(transform: object) -> tuple[float, ...]:
    """Return translation, rotation (w, x, y, z) and scale."""
    place, turn, size = transform.translation, transform.rotation, transform.scale  # pyright: ignore
    return place.x, place.y, place.z, turn.w, turn.x, turn.y, turn.z, size.x, size.y, size.z


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):
        pass  # no such limits on this system


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    import os

    os._exit(code)  # without tidying up, in which the library may crash
