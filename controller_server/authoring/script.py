"""The author's script as frozen data classes. `parse` reads them from YAML."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller_server.body.mjcf import SIDES
from controller_server.clip.interaction import Prop

__all__ = ["SIDES", "Foot", "Hand", "Hold", "Key", "PersonKey", "Script", "Weight"]


@dataclass(frozen=True)
class Hold:
    """A hand on the partner.

    Attributes:
        partner: SMPL-X joint whose flesh is held ("right_elbow" is the right forearm).
        along: Where on that flesh, 0 at the joint's own end (right end of a trunk segment), 1 at the other.
        side: Unit direction from the flesh to the palm, (forward, left, up) in the partner's heading frame; None
            leaves it to the arm.
        grip: 0-1.
    """

    partner: str
    along: float = 0.5
    side: tuple[float, float, float] | None = None
    grip: float = 1.0


@dataclass(frozen=True)
class Hand:
    """Place of a palm. At most one of world, body and hold; none of them leaves the hand free.

    Attributes:
        world: Point in the world [m].
        body: Point (forward, left, up) from the own chest joint, in the own heading frame [m].
        hold: On the partner.
        palm: Where the inside of the hand looks, (forward, left, up) in the own heading frame; not for holds.
    """

    world: tuple[float, float, float] | None = None
    body: tuple[float, float, float] | None = None
    hold: Hold | None = None
    palm: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Foot:
    """A foot's place.

    Attributes:
        at: Ankle joint on the floor plane [m].
        yaw: Direction the leg's plane points [rad]; the foot itself points a little outward of it, as in the rest pose.
        lift: Height of the sole above the floor [m]; 0 bears weight.
        heel: How far the heel is raised about the ball of the foot, toes flat on the floor [rad].
    """

    at: tuple[float, float]
    yaw: float
    lift: float = 0.0
    heel: float = 0.0


@dataclass(frozen=True)
class Weight:
    """Place of the centre of mass.

    Attributes:
        left: Share on the left foot, 0-1.
        forward: Offset from the soles' centre along the heading [m].
    """

    left: float = 0.5
    forward: float = 0.0


@dataclass(frozen=True)
class PersonKey:
    """One person in one key pose. Angles [rad], lengths [m].

    Attributes:
        heading: Direction the person faces about the world's z, 0 along +x.
        pelvis: Ground position of the pelvis joint; None leaves it to `weight`.
        height: Of the pelvis joint; ignored while seated.
        seat: What the person sits on: a prop's name or "floor".
        tilt: Pelvis leaning forward from upright.
        lean: Chest leaning forward from upright.
        sway: Chest leaning to the left from upright.
        turn: Chest turned to the left of the heading.
        gaze: "partner", "forward" or a point in the world.
        left_foot: Place of the left foot.
        right_foot: Place of the right foot.
        left_hand: Where the left palm is.
        right_hand: Where the right palm is.
        elbows: Direction the elbows point, (forward, out, up).
        weight: Centre of mass over the feet; None when somebody or something else carries.
        unbalanced: Whether the person is meant to fall.
    """

    left_foot: Foot
    right_foot: Foot
    heading: float = 0.0
    pelvis: tuple[float, float] | None = None
    height: float = 0.93
    seat: str | None = None
    tilt: float = 0.0
    lean: float = 0.0
    sway: float = 0.0
    turn: float = 0.0
    gaze: str | tuple[float, float, float] = "partner"
    left_hand: Hand = field(default_factory=Hand)
    right_hand: Hand = field(default_factory=Hand)
    elbows: tuple[float, float, float] = (-0.4, 0.2, -1.0)
    weight: Weight | None = field(default_factory=Weight)
    unbalanced: bool = False

    @property
    def feet(self) -> tuple[Foot, Foot]:
        """Left, right."""
        return (self.left_foot, self.right_foot)

    @property
    def hands(self) -> tuple[Hand, Hand]:
        """Left, right."""
        return (self.left_hand, self.right_hand)


@dataclass(frozen=True)
class Key:
    """A pose of both people.

    Attributes:
        time: When it is reached [s].
        people: Supporter, recipient.
    """

    time: float
    people: tuple[PersonKey, PersonKey]


@dataclass(frozen=True)
class Script:
    """The script that an author wrote.

    Attributes:
        name: Name of the clip.
        fps: Frames per second.
        duration: [s].
        statures: Of supporter and recipient, sole to crown [m]; None is the neutral body's.
        props: Static boxes.
        keys: Key poses in the order of time, the first at 0, the last at `duration`.
        step_height: How high a stepping foot is lifted [m].
        vault: How much higher than in the keys centres of mass are where one foot carries [m]; their height then
            follows a track between keys. None lets joints and not heights be interpolated.
        description: Free text.
    """

    name: str
    fps: float
    duration: float
    statures: tuple[float | None, float | None]
    props: tuple[Prop, ...]
    keys: tuple[Key, ...]
    step_height: float = 0.06
    vault: float | None = None
    description: str = ""

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return round(self.duration * self.fps) + 1
