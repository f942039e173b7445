"""BVH files: the hierarchy, the motion, forward kinematics in the file's own units and axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.core.errors import AssistMimicError, ClipError

from .rig import chained

_AXES = {"x": 0, "y": 1, "z": 2}
_COMMON_FPS = (24, 25, 30, 50, 60, 72, 75, 90, 100, 120, 144, 180, 200, 240)
_LIMB = 3  # joints
_BROADCAST_FPS = (24000 / 1001, 30000 / 1001, 60000 / 1001, 120000 / 1001)


@dataclass(frozen=True)
class BvhJoint:
    """One joint of the hierarchy; an End Site is a joint without channels named `<parent>_end`.

    Attributes:
        name: As in the file.
        parent: Index of the parent, -1 for the root.
        offset: Rest position relative to the parent [file units], shape (3,).
        channels: (kind, axis) in file order; kind is "position" or "rotation", axis 0-2.
    """

    name: str
    parent: int
    offset: np.ndarray
    channels: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Bvh:
    """A parsed file.

    Attributes:
        path: Where it was read from.
        joints: Parents before children.
        fps: Frames per second; a frame time rounded to its printed digits is read as the usual rate it stands for.
        values: Channel values [file units, degrees], shape (T, C), channels in hierarchy order.
        encoding: How the text was written.
    """

    path: Path
    joints: tuple[BvhJoint, ...]
    fps: float
    values: np.ndarray
    encoding: str = "utf-8"

    @property
    def names(self) -> tuple[str, ...]:
        """Joint names in hierarchy order."""
        return tuple(joint.name for joint in self.joints)

    def rest_positions(self) -> np.ndarray:
        """Return joint positions with every channel at zero, root at its offset [file units], shape (J, 3)."""
        positions = np.zeros((len(self.joints), 3))
        for k, joint in enumerate(self.joints):
            positions[k] = joint.offset + (positions[joint.parent] if joint.parent >= 0 else 0)
        return positions

    def local_motion(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (T, J, 3) [file units] and rotations (T, J, 4) of every joint relative to its parent.

        Position channels stand in for the OFFSET, as MotionBuilder, Blender and iClone write them. Only where the
        file as a whole counts them from the OFFSET (`counts_from_offsets`) are they added to it.
        """
        frames = self.values.shape[0]
        offsets = np.repeat(np.array([joint.offset for joint in self.joints])[None], frames, axis=0)
        quats = np.zeros((frames, len(self.joints), 4))
        quats[..., 0] = 1
        column = 0
        for k, joint in enumerate(self.joints):
            for kind, axis in joint.channels:
                value = self.values[:, column]
                column += 1
                if kind == "position":
                    added = joint.offset[axis] if self.adds_offset(k) else 0.0
                    offsets[:, k, axis] = value + added
                    continue
                rotvec = np.zeros((frames, 3))
                rotvec[:, axis] = np.radians(value)
                quats[:, k] = quat_mul(quats[:, k], quat_from_rotvec(rotvec))
        return offsets, quats

    def adds_offset(self, k: int) -> bool:
        """Return whether a joint's position channels count from its OFFSET."""
        return self.counts_from_offsets and self._is_inner(k)

    def _is_inner(self, k: int) -> bool:
        """Return whether a joint is behind one that bears several limbs: no root, no hips under a still root."""
        parent = self.joints[k].parent
        while parent >= 0:
            if parent in self._forks:
                return True
            parent = self.joints[parent].parent
        return False

    @cached_property
    def _forks(self) -> set[int]:
        """Joints with at least two children that bear at least two further joints each."""
        sizes = [int(bool(joint.channels)) for joint in self.joints]
        for k in range(len(sizes) - 1, 0, -1):
            if self.joints[k].parent >= 0:
                sizes[self.joints[k].parent] += sizes[k]
        limbs = [self.joints[k].parent for k, size in enumerate(sizes) if size >= _LIMB]
        return {parent for parent in limbs if parent >= 0 and limbs.count(parent) > 1}

    @cached_property
    def counts_from_offsets(self) -> bool:
        """Whether inner joints' position channels are nearer to zero than to their OFFSETs, all together.

        Roots and hips tell nothing: somebody who sits on the floor has hips near zero, too.
        """
        from_zero, from_offset, column = 0.0, 0.0, 0
        for k, joint in enumerate(self.joints):
            for kind, axis in joint.channels:
                if kind == "position" and self._is_inner(k):
                    middle = float(np.median(self.values[:, column])) if len(self.values) else 0.0
                    from_zero, from_offset = from_zero + abs(middle), from_offset + abs(middle - joint.offset[axis])
                column += 1
        return from_zero < from_offset

    def world_motion(self) -> tuple[np.ndarray, np.ndarray]:
        """Return positions (T, J, 3) [file units] and rotations (T, J, 4) of every joint in the file's world."""
        return chained(self.parents, *self.local_motion())

    @property
    def label(self) -> str:
        """What to call the person: the file's name."""
        return self.path.name

    @property
    def parents(self) -> tuple[int, ...]:
        """Index of each joint's parent, -1 for the root."""
        return tuple(joint.parent for joint in self.joints)

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.values)

    @property
    def ends(self) -> frozenset[int]:
        """End Sites: joints without channels that end a limb."""
        return frozenset(k for k, joint in enumerate(self.joints) if not joint.channels and k not in self.parents)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was odd about the file."""
        found = []
        if self.encoding != "utf-8":
            found.append(f"{self.label}: text is {self.encoding}, not UTF-8")
        if self.counts_from_offsets:
            found.append(f"{self.label}: positions of inner joints count from their OFFSET, and were added to it")
        return tuple(found)

    def cut(self, frames: slice) -> Bvh:
        """Return some frames."""
        return replace(self, values=self.values[frames])

    def rest_quats(self) -> np.ndarray:
        """Return world rotations with every channel at zero: none, shape (J, 4)."""
        return np.tile([1.0, 0, 0, 0], (len(self.joints), 1))


class _Reader:
    """Lines of words with their numbers, and errors that name them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ClipError(f"{path}: no such file")
        try:
            text, self.encoding = decoded(path.read_bytes())
        except OSError as error:
            raise ClipError(f"{path}: cannot be read ({error.strerror})") from None
        self.lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
        self.last = len(self.lines)

    def error(self, line: int, message: str) -> AssistMimicError:
        return ClipError(f"{self.path}, line {line}: {message}")

    def numbers(self, line: int, words: list[str], count: int, what: str) -> np.ndarray:
        if len(words) < count:
            raise self.error(line, f"{what} needs {count} numbers, found {len(words)}; the file is damaged")
        try:
            values = np.array([float(word) for word in words[:count]])
        except ValueError:
            raise self.error(
                line, f"{what} holds something that is not a number: {' '.join(words[:count])!r}"
            ) from None
        if not np.isfinite(values).all():
            raise self.error(line, f"{what} holds a number that is not finite; re-export the file")
        return values


def decoded(content: bytes) -> tuple[str, str]:
    """Return a file's text and how it was written: UTF-8, else Shift-JIS where that makes Japanese, else Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace"), "utf-16"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp932")
        if any("\u3040" <= letter <= "\u30ff" or letter in "左右足腕首頭" for letter in text):
            return text, "Shift-JIS"
    except UnicodeDecodeError:
        pass
    return content.decode("latin-1"), "Latin-1"


def read_bvh(path: str | Path) -> Bvh:
    """Parse a BVH file.

    Raises:
        AssistMimicError: naming file and line.
    """
    reader = _Reader(Path(path))
    lines = iter([(number, words) for number, words in reader.lines if words])
    number, words = next(lines, (1, [""]))
    if words[0].upper() != "HIERARCHY":
        raise reader.error(number, "not a BVH file: expected HIERARCHY first")
    if len(words) > 1:
        raise reader.error(number, "expected a new line after HIERARCHY")
    joints = _read_hierarchy(reader, lines)
    frames, fps = _read_motion_head(reader, lines)
    values = _read_values(reader, list(lines), frames, sum(len(joint.channels) for joint in joints))
    return Bvh(reader.path, tuple(joints), fps, values, reader.encoding)


def _read_hierarchy(reader: _Reader, lines: Iterator[tuple[int, list[str]]]) -> list[BvhJoint]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[np.ndarray | None] = []
    channels: list[tuple[tuple[str, int], ...]] = []
    stack: list[int] = []
    pending = False
    for number, raw in lines:
        words = " ".join(raw).replace("{", " { ").replace("}", " } ").split()
        while words:
            key = words[0].upper()
            if key in ("ROOT", "JOINT", "END"):
                rest = words[1:]
                name_words = rest[: rest.index("{")] if "{" in rest else rest
                if key == "ROOT" and names:
                    raise reader.error(number, "a second ROOT; one person per file, one ROOT per person")
                if key != "ROOT" and not stack:
                    raise reader.error(number, f"{words[0]} outside of a ROOT")
                name = f"{names[stack[-1]]}_end" if key == "END" else " ".join(name_words)
                if not name:
                    raise reader.error(number, f"{words[0]} without a name")
                if key != "END" and name in names:
                    raise reader.error(number, f"joint {name!r} appears twice; rename one of them")
                names.append(name)
                parents.append(stack[-1] if stack else -1)
                offsets.append(None)
                channels.append(())
                pending, words = True, rest[len(name_words) :]
            elif key == "{":
                if not pending:
                    raise reader.error(number, "'{' without a joint before it")
                stack.append(len(names) - 1)
                pending, words = False, words[1:]
            elif key == "}":
                if not stack:
                    raise reader.error(number, "'}' without a '{' before it")
                if offsets[stack[-1]] is None:
                    raise reader.error(number, f"joint {names[stack[-1]]!r} has no OFFSET")
                stack.pop()
                words = words[1:]
            elif key == "OFFSET" and stack:
                offsets[stack[-1]] = reader.numbers(number, words[1:], 3, "OFFSET")
                words = words[4:]
            elif key == "CHANNELS" and stack:
                channels[stack[-1]], words = _read_channels(reader, number, words)
            elif key == "MOTION":
                if stack or not names:
                    raise reader.error(number, "MOTION before the hierarchy is closed; a '}' is missing")
                return [
                    BvhJoint(name, parent, offset if offset is not None else np.zeros(3), chans)
                    for name, parent, offset, chans in zip(names, parents, offsets, channels, strict=True)
                ]
            else:
                raise reader.error(number, f"unexpected {words[0]!r} in the hierarchy")
    raise reader.error(reader.last, "the file ends before MOTION; it is cut off")


def _read_channels(reader: _Reader, number: int, words: list[str]) -> tuple[tuple[tuple[str, int], ...], list[str]]:
    count = words[1] if len(words) > 1 else ""
    if not count.isdigit() or len(words) < 2 + int(count):
        raise reader.error(number, "CHANNELS needs their count and as many names")
    found: list[tuple[str, int]] = []
    for word in words[2 : 2 + int(count)]:
        axis, kind = word[:1].lower(), word[1:].lower()
        if axis not in _AXES or kind not in ("position", "rotation"):
            raise reader.error(number, f"unknown channel {word!r}; there are X/Y/Zposition and X/Y/Zrotation")
        if (kind, _AXES[axis]) in found:
            raise reader.error(number, f"channel {word!r} appears twice")
        found.append((kind, _AXES[axis]))
    return tuple(found), words[2 + int(count) :]


def _read_motion_head(reader: _Reader, lines: Iterator[tuple[int, list[str]]]) -> tuple[int, float]:
    number, words = next(lines, (reader.last, []))
    text = " ".join(words).replace(":", " ").split()
    if len(text) != 2 or text[0].lower() != "frames" or not text[1].isdigit():
        raise reader.error(number, "expected 'Frames: N' after MOTION")
    frames = int(text[1])
    number, words = next(lines, (reader.last, []))
    text = " ".join(words).replace(":", " ").split()
    if len(text) != 3 or [w.lower() for w in text[:2]] != ["frame", "time"]:
        raise reader.error(number, "expected 'Frame Time: seconds'")
    time = float(reader.numbers(number, text[2:], 1, "Frame Time")[0])
    if time <= 0:
        raise reader.error(number, f"Frame Time is {time:g} s; it must be above 0, for example 0.0333333 for 30 fps")
    return frames, fps_of_frame_time(text[2])


def fps_of_frame_time(text: str) -> float:
    """Return frames per second of a frame time as printed: "0.016667" stands for 60, "0.0333667" for 30000/1001.

    The usual rates are tried first, then whole numbers; a rate counts when its frame time, rounded to the digits
    printed, is the text's. Anything else is taken at its word.
    """
    time = float(text)
    digits = text.lower().split("e")[0].partition(".")[2]
    exponent = int(text.lower().split("e")[1]) if "e" in text.lower() else 0
    half_digit = 0.5 * 10.0 ** (exponent - len(digits)) + 1e-12
    for fps in (*_COMMON_FPS, *_BROADCAST_FPS, *range(1, 241)):
        if abs(1 / fps - time) <= min(half_digit, 0.02 * time):
            return float(fps)
    return 1 / time


def _read_values(reader: _Reader, lines: list[tuple[int, list[str]]], frames: int, channels: int) -> np.ndarray:
    if sum(len(words) for _, words in lines) != frames * channels:
        for k, (number, words) in enumerate(lines):
            if k >= frames:
                raise reader.error(number, f"more motion lines than the {frames} of 'Frames:'; correct that number")
            if len(words) != channels:
                raise reader.error(number, f"frame {k} has {len(words)} values, the hierarchy has {channels} channels")
        raise reader.error(reader.last, f"{len(lines)} motion lines, 'Frames:' says {frames}; the file is cut off")
    try:  # all at once; line by line only to say what is wrong
        values = np.array([float(word) for _, words in lines for word in words])
        if np.isfinite(values).all():
            return values.reshape(frames, channels)
    except ValueError:
        pass
    values = np.empty(frames * channels)
    filled = 0
    for number, words in lines:
        values[filled : filled + len(words)] = reader.numbers(number, words, len(words), "motion")
        filled += len(words)
    return values.reshape(frames, channels)
