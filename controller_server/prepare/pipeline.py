"""From a clip to one that can be simulated: the steps in their order, and what each of them changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip

from .adaptive import ENOUGH_N, smooth_as_needed
from .contacts import close_contacts
from .feet import plant_feet
from .flat_pelvis import has_flat_pelvis, restore_bob
from .grounding import ground
from .holds import Hold, find_holds, grips_of, resolve_mode
from .penetration import depenetrate
from .poses import PairPoses
from .recipient_place import place_recipient
from .report import (
    WARN_MEAN_MM,
    Condition,
    PrepareReport,
    StepReport,
    condition,
    displacement,
    hold_reports,
)
from .settings import GripMode, PrepareSettings
from .smoothing import smooth
from .soles import foot_shapes
from .stance import find_bearing
from .surfaces import Surfaces
from .swing import lift_swings

_WARN_FIRST_FRAME_MM = 10.0


@dataclass(frozen=True)
class Prepared:
    """A clip fit for simulation.

    Attributes:
        clip: Same frames, rate and fields as the input; `grips` says when which hand holds. Furniture moves only with a
            scene that is off its floor as a whole.
        report: What was changed.
    """

    clip: InteractionClip
    report: PrepareReport


def prepare(clip: InteractionClip, settings: PrepareSettings | None = None) -> Prepared:
    """Make a clip fit for simulation and measure what that took.

    The order is: smooth (what follows trusts speeds), ground (each person onto what bears them, over time), feet
    (pinned where they bear), swing (stepping feet clear of the floor), holds are found, place (a recipient who stands
    off as a whole), contacts closed, and last
    everybody is pushed out of everything, feet and holds kept. Each person keeps the proportions the clip gives them.
    Deterministic.

    Args:
        clip: What came out of a capture, a generator or an animator's hands.
        settings: Which steps run; all by default.

    Raises:
        AssistMimicError: the grip mode asks for something the clip does not have.
    """
    settings = settings or PrepareSettings()
    mode = resolve_mode(clip, settings.grips)
    shapes = foot_shapes(clip)
    steps: list[StepReport] = []
    current = clip

    def run(name: str, enabled: bool, change: Callable[[InteractionClip], InteractionClip]) -> None:
        nonlocal current
        if enabled:
            changed = change(current)
            steps.append(StepReport(name, *displacement(current, changed)))
            current = changed

    def grounded(moved: InteractionClip) -> InteractionClip:
        moved = ground(moved) if settings.ground else moved
        return plant_feet(moved) if settings.feet else moved

    def smoothed(rough: InteractionClip) -> InteractionClip:
        if settings.adapt:
            return smooth_as_needed(rough, settings.cutoff_hz, grounded)
        return smooth(PairPoses.of(rough), cutoff_hz=settings.cutoff_hz).to_clip(rough)

    run("bob", settings.ground and has_flat_pelvis(clip), restore_bob)
    run("smooth", settings.smooth, smoothed)
    run("ground", settings.ground, ground)
    run("feet", settings.feet, plant_feet)
    run("swing", settings.swing, lift_swings)
    unplaced, surfaces = current, Surfaces(current)
    holds = find_holds(current, PairPoses.of(current), surfaces, mode)
    run("place", settings.place, lambda c: place_recipient(c, holds, surfaces))
    poses = PairPoses.of(current)
    bearing = find_bearing(poses, shapes)
    if current is not unplaced:
        surfaces = Surfaces(current)
        holds = find_holds(current, poses, surfaces, mode)
    unclosed = current
    run("contacts", settings.contacts, lambda c: close_contacts(c, holds, surfaces))
    kept = holds if settings.contacts else []
    run("depenetrate", settings.depenetrate, lambda c: depenetrate(c, kept, bearing, surfaces, unclosed))
    current = replace(current, grips=_grips(clip, holds, mode))

    before, after = (
        condition(c, s, shapes, bearing)
        for c, s in ((replace(clip, grips=current.grips), Surfaces(clip)), (current, surfaces))
    )
    moved = displacement(clip, current)
    report = PrepareReport(
        supporter=moved[0],
        recipient=moved[1],
        steps=tuple(steps),
        holds=hold_reports(holds, clip, current, surfaces),
        grip_mode=mode.value,
        before=before,
        after=after,
        warnings=_warnings(moved[0].mean_mm, moved[1].mean_mm, after),
    )
    return Prepared(current, report)


def _grips(clip: InteractionClip, holds: list[Hold], mode: GripMode) -> np.ndarray:
    if mode is GripMode.OFF:
        return np.zeros((clip.n_frames, 2, 2))
    if mode is GripMode.CLIP:
        assert clip.grips is not None
        return clip.grips
    return grips_of(holds, clip.n_frames)


def _warnings(supporter_mm: float, recipient_mm: float, after: Condition) -> tuple[str, ...]:
    found = [
        f"preparing moved the {role} by {mean:.0f} mm on average (over {WARN_MEAN_MM:.0f} mm): "
        "the simulation follows another motion than the clip's; look at both before trusting it"
        for role, mean in zip(ROLES, (supporter_mm, recipient_mm), strict=True)
        if mean > WARN_MEAN_MM
    ]
    for what, depth in (
        ("the floor", after.first_frame_floor_mm),
        ("furniture", after.first_frame_prop_mm),
        ("each other", after.first_frame_partner_mm),
    ):
        if depth > _WARN_FIRST_FRAME_MM:
            found.append(
                f"somebody starts {depth:.0f} mm inside {what} and will be pushed out of it when the simulation begins"
            )
    found += [
        f"the {role}'s motion is unsupported: it needs {median:.0f} N (median) that neither floor, furniture nor "
        "partner can give, because of noise, missing contacts or a wrong height; the simulation will depart from it"
        for role, median in zip(ROLES, after.unsupported_n, strict=True)
        if median > ENOUGH_N
    ]
    return tuple(found)
