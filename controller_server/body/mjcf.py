"""The pair as a MuJoCo model. Each choice here was paid for with an exploded simulation; see the comments."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from controller_server.clip.rotation import quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, L_ANKLE, L_FOOT, R_ANKLE, R_FOOT

from .muscles import JOINTS, muscle_group, spring_middle
from .pair import PairBody, PersonBody
from .shape import Shape

# Who touches whom. A geom pair collides when one's type meets the other's affinity: nobody touches themselves,
# palms (which may grip) touch the partner alone, so that adhesion can never hold floor or furniture.
_TOUCHES = {"supporter": 1, "recipient": 2}
_WORLD = 4
_NOBODY = 8
"""What nothing touches: a prop that is only laid out. Without any affinity MuJoCo would lay it out otherwise."""

_ROLES = ("supporter", "recipient")
SIDES = ("left", "right")
_FEET = (L_ANKLE, R_ANKLE, L_FOOT, R_FOOT)
FLOOR, PROPS = "floor", "props"
_SOLREF = (0.02, 1.0)
_FIRM = (0.92, 0.97, 0.001, 0.5, 2.0)
"""Impedance of people's surfaces but the feet's: with MuJoCo's default they sink 3 cm into each other when one pulls
the other. Feet on the floor keep the default: firmer ones chatter at 120 Hz, and people stumble."""
_NO_FORCE = 1e-6
"""Limit of a muscle that gives nothing [N m]: MuJoCo takes no empty range."""
_KIND = {
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}
_COLOURS = {"supporter": (0.27, 0.51, 0.71, 1), "recipient": (0.90, 0.55, 0.25, 1)}


def body_name(role: str, joint: int) -> str:
    """MJCF name of the body at an SMPL-X joint."""
    return f"{role}/{JOINT_NAMES[joint]}"


def palm_name(role: str, side: str) -> str:
    """MJCF name of the body that carries a gripping palm."""
    return f"{role}/{side}_palm"


def grip_name(role: str, side: str) -> str:
    """MJCF name of a hand's adhesion actuator."""
    return f"{role}/{side}_grip"


def build_spec(pair: PairBody, *, sensors: bool = True, springs: bool = True, room: int = 0) -> mujoco.MjSpec:
    """Return the pair as an editable MuJoCo specification.

    Bodies stand at the SMPL-X joints with the model's axes, so a body's world rotation is the joint's SMPL-X world
    rotation, and qpos is pelvis position, pelvis quaternion, then one quaternion per joint in SMPL-X order (not tree
    order: see `joint_rows` of the backend for the addresses).

    Args:
        pair: What to build.
        sensors: Whether to add the contact sensors that split forces by partner, floor and prop.
        springs: Whether joints count from the middle of their springs, as simulating needs, or from the rest pose.
        room: Number of props that are laid out at least: those that the pair lacks are there and touch nothing.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "assistmimic_pair"
    option = spec.option
    option.timestep = 1.0 / pair.physics_hz
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # The pyramidal cone creeps 3 cm/s under load, which would be the feet skating.
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10
    # A diverged world must be an error, not a silent return to the start.
    option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080

    world = spec.worldbody
    world.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 1],
        contype=0,
        conaffinity=_WORLD,
        friction=[pair.friction, 0.005, 0.0001],
        solref=_SOLREF,
        rgba=[0.85, 0.85, 0.83, 1],
    )
    props = world.add_body(name=PROPS)
    for k, prop in enumerate(pair.props):
        props.add_geom(
            name=f"{PROPS}/{k}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=prop.position,
            quat=prop.quat,
            size=prop.size / 2,
            contype=0,
            conaffinity=_WORLD,
            friction=[pair.friction, 0.005, 0.0001],
            solref=_SOLREF,
            rgba=[0.6, 0.55, 0.5, 1],
        )
    for k in range(len(pair.props), room):
        props.add_geom(
            name=f"{PROPS}/{k}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            # Inside another, so that the box around all of them is no larger.
            pos=pair.props[0].position if pair.props else [0, 0, -1],
            size=[0.001, 0.001, 0.001],
            contype=0,
            conaffinity=_NOBODY,
            rgba=[0, 0, 0, 0],
        )
    for person in pair.people:
        _add_person(spec, person, pair, springs=springs)
    if sensors:
        _add_sensors(spec, pair)
    return spec


def _add_person(spec: mujoco.MjSpec, person: PersonBody, pair: PairBody, *, springs: bool) -> None:
    role, offsets = person.role, person.skeleton.offsets
    bodies: list[mujoco.MjsBody] = []
    for row, (j, parent) in enumerate(zip(person.joints, person.parents, strict=True)):
        holder = spec.worldbody if parent < 0 else bodies[parent]
        name = body_name(role, j)
        centred = springs and parent >= 0
        quat = spring_middle(JOINT_NAMES[j]) if centred else np.array([1.0, 0, 0, 0])
        body = holder.add_body(name=name, pos=[0, 0, 1] if parent < 0 else offsets[j], quat=quat)
        if parent < 0:
            body.add_freejoint(name=name)
        else:
            armature = JOINTS[muscle_group(JOINT_NAMES[j])].armature
            body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_BALL, armature=armature, limited=0)
            muscle = person.muscles[row - 1]
            for axis in range(3):
                down, up = (max(limit, _NO_FORCE) for limit in muscle.limit[axis])
                _add_spring(spec, name, axis, "xyz"[axis], muscle.kp[axis], muscle.kp[axis], 0.0, (-down, up))
            for stop in person.stops[row - 1]:
                k, span = stop.stiffness, (-stop.most, 0.0) if stop.upper else (0.0, stop.most)
                _add_spring(spec, name, stop.axis, f"stop{stop.upper:d}", 0.0, k, k * stop.angle, span)
        bodies.append(body)
    rows = {j: k for k, j in enumerate(person.joints)}
    counts: dict[int, int] = {}
    for shape in person.shapes:
        index = counts[shape.joint] = counts.get(shape.joint, -1) + 1
        body = bodies[rows[shape.joint]]
        name = f"{body_name(role, shape.joint)}/{index}"
        if JOINT_NAMES[shape.joint].endswith("_foot"):
            # Four corners of the foot and two ends of the toe's tip carry a person as well as eight corners do, and
            # the solver's work is 17 % less.
            _add_geom(body, name, shape, person, pair, 0, 0)
            tip = _toe_tip(shape)
            _add_geom(body, f"{name}/tip", tip, person, pair, _TOUCHES[role] | _WORLD, _partner_bit(role))
            continue
        if not shape.is_palm:
            _add_geom(body, name, shape, person, pair, _TOUCHES[role] | _WORLD, _partner_bit(role))
            continue
        _add_geom(body, name, shape, person, pair, _WORLD, 0)
        side = JOINT_NAMES[shape.joint].split("_")[0]
        palm = body.add_body(name=palm_name(role, side))
        _add_geom(palm, palm_name(role, side), shape, person, pair, _TOUCHES[role], _partner_bit(role))
    for side in SIDES:
        spec.add_actuator(
            name=grip_name(role, side),
            trntype=mujoco.mjtTrn.mjTRN_BODY,
            target=palm_name(role, side),
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            gainprm=[pair.grip_force, *[0] * 9],
            biastype=mujoco.mjtBias.mjBIAS_NONE,
            ctrllimited=1,
            ctrlrange=[0, 1],
        )


def _add_spring(
    spec: mujoco.MjSpec,
    joint: str,
    axis: int,
    suffix: str,
    gain: float,
    stiffness: float,
    offset: float,
    span: tuple[float, float],
) -> None:
    """Add an actuator about one axis of a ball joint: clip(gain target + offset - stiffness angle, span)."""
    spec.add_actuator(
        name=f"{joint}_{suffix}",
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        target=joint,
        gear=[*np.eye(3)[axis], 0, 0, 0],
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        gainprm=[gain, *[0] * 9],
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        biasprm=[offset, -stiffness, *[0] * 8],
        forcelimited=1,
        forcerange=list(span),
    )


def compile_pair(pair: PairBody, *, sensors: bool = True, springs: bool = True, room: int = 0) -> mujoco.MjModel:
    """Return the pair as a compiled model, with damping about each axis; see `build_spec`.

    Damping sits in the joint, where implicitfast integrates it implicitly; as `kv` of an actuator that has a force
    range it makes every world diverge at 120 Hz. A specification knows one damping for all axes of a ball joint, a
    compiled model one for each.
    """
    model = build_spec(pair, sensors=sensors, springs=springs, room=room).compile()
    for person, damping in zip(pair.people, pair.kd, strict=True):
        for j, axes in zip(pair.joints[1:], damping, strict=True):
            first = int(model.joint(body_name(person.role, j)).dofadr[0])
            model.dof_damping[first : first + 3] = axes
    return model


def _toe_tip(toe: Shape) -> Shape:
    """Return a weightless capsule across the front lower edge of a toe box."""
    width, radius, half_length = toe.size
    centre = toe.position + quat_rotate(toe.quat, np.array([0, 0, half_length - radius]))
    across = quat_mul(toe.quat, np.array([np.sqrt(0.5), 0, np.sqrt(0.5), 0]))
    return replace(toe, kind="capsule", position=centre, quat=across, size=(radius, width - radius), mass=0.0)


def _partner_bit(role: str) -> int:
    return _TOUCHES[partner_of(role)]


def partner_of(role: str) -> str:
    """Return the other role."""
    return _ROLES[1 - _ROLES.index(role)]


def _add_geom(
    body: mujoco.MjsBody, name: str, shape: Shape, person: PersonBody, pair: PairBody, contype: int, conaffinity: int
) -> None:
    size = np.zeros(3)
    size[: len(shape.size)] = shape.size
    is_partner_palm = shape.is_palm and not contype & _WORLD
    body.add_geom(
        name=name,
        type=_KIND[shape.kind],
        pos=shape.position,
        quat=shape.quat,
        size=size,
        # The palm's twin that touches the partner is a second skin of the same flesh and weighs nothing.
        mass=0.0 if is_partner_palm else shape.mass * person.strength.mass,
        contype=contype,
        conaffinity=conaffinity,
        # A palm also resists twisting, as four fingers around a wrist do.
        condim=4 if shape.is_palm else 3,
        friction=[pair.friction, 0.02 if shape.is_palm else 0.005, 0.0001],
        solref=_SOLREF,
        solimp=None if shape.joint in _FEET else _FIRM,
        rgba=_COLOURS[person.role],
    )


TOUCH_KINDS = ("partner", "floor", "prop")
_FORCE, _FOUND, _NORMAL = 1 << 1, 1 << 0, 1 << 5  # bits of mjtConDataField
_MIN_DISTANCE, _NET_FORCE = 1, 3  # `reduce` of a contact sensor


def force_sensor_name(role: str, joint: int, kind: str) -> str:
    """Sensor of minus the net force on a body [N, world axes] from one of TOUCH_KINDS."""
    return f"{body_name(role, joint)}:{kind}"


def palm_sensor_name(role: str, side: str, touched: str) -> str:
    """Sensor of the contact of one palm with one body of the partner: count, force, normal (1 + 3 + 3 numbers)."""
    return f"{palm_name(role, side)}:{touched}"


def _add_sensors(spec: mujoco.MjSpec, pair: PairBody) -> None:
    """Net force on every body from partner, floor and props; which partner body each palm touches, and whence.

    MuJoCo counts adhesion inside the contact force. The palm sensors tell on whom it acts, so that it can be taken
    out again on both sides.
    """

    def add(name: str, first: str, second: tuple[mujoco.mjtObj, str], data: int, reduce: int) -> None:
        spec.add_sensor(
            name=name,
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            objname=first,
            reftype=second[0],
            refname=second[1],
            intprm=[data, reduce, 1],
            datatype=mujoco.mjtDataType.mjDATATYPE_REAL,
            needstage=mujoco.mjtStage.mjSTAGE_ACC,
        )

    for person in pair.people:
        partner = partner_of(person.role)
        touched = {
            "partner": (mujoco.mjtObj.mjOBJ_XBODY, body_name(partner, 0)),
            "floor": (mujoco.mjtObj.mjOBJ_GEOM, FLOOR),
            "prop": (mujoco.mjtObj.mjOBJ_BODY, PROPS),
        }
        palms = {
            person.joints[row]: palm_name(person.role, side) for row, side in zip(pair.hand_rows, SIDES, strict=True)
        }
        for kind, other in touched.items():
            for j in person.joints:
                # A wrist's partner contacts all happen on its palm.
                body = palms[j] if kind == "partner" and j in palms else body_name(person.role, j)
                add(force_sensor_name(person.role, j, kind), body, other, _FORCE, _NET_FORCE)
    for person in pair.people:
        partner = pair.people[1 - _ROLES.index(person.role)]
        for side in SIDES:
            for name in touchable_by_palm(pair, partner):
                add(
                    palm_sensor_name(person.role, side, name),
                    palm_name(person.role, side),
                    (mujoco.mjtObj.mjOBJ_BODY, name),
                    # With a force among its data a contact sensor is read where forces are. Without, MuJoCo reads it
                    # with the positions: a step later than the forces it is to be taken from.
                    _FOUND | _FORCE | _NORMAL,
                    _MIN_DISTANCE,
                )


def touchable_by_palm(pair: PairBody, partner: PersonBody) -> list[str]:
    """Return names of the partner's bodies as palms meet them, one for each of `joints`.

    Wrists are met at their palms.
    """
    names = [body_name(partner.role, j) for j in partner.joints]
    for row, side in zip(pair.hand_rows, SIDES, strict=True):
        names[row] = palm_name(partner.role, side)
    return names
