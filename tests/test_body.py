"""The pair as a MuJoCo model: masses, muscles, who touches whom, and the choices that keep it from exploding."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import build_spec
from controller_server.body.pair import PairBody, PersonBody
from controller_server.body.shape import Hands, body_mass
from controller_server.body.strength import LEGS, MUSCLES, PRESETS, Strength, muscle_group
from controller_server.clip.interaction import Prop
from controller_server.clip.skeleton import JOINT_NAMES, Skeleton
from controller_server.errors import AssistMimicError

BOX = Prop("seat", np.array([0, 0, 0.2]), np.array([0.4, 0.4, 0.4]), np.array([0.9, 0, 0, 0.1]))


def pair_body(hands: Hands = Hands.MITTEN, recipient: Strength | None = None, **changes) -> PairBody:
    """Two neutral people and a box."""
    people = [
        PersonBody("supporter", Skeleton.neutral(), hands),
        PersonBody("recipient", Skeleton.neutral(), hands, recipient or Strength()),
    ]
    return PairBody(people[0], people[1], (BOX,), **changes)


def compiled(pair: PairBody) -> mujoco.MjModel:
    """The pair's model."""
    return build_spec(pair).compile()


@pytest.fixture(scope="module")
def mitten() -> mujoco.MjModel:
    """The model of two neutral people with mitten hands."""
    return compiled(pair_body())


@pytest.mark.parametrize(
    ("hands", "bodies", "nv", "targets"), [(Hands.MITTEN, 22, 138, 126), (Hands.FULL, 52, 318, 306)]
)
def test_sizes(hands: Hands, bodies: int, nv: int, targets: int):
    """Have the bodies, degrees of freedom and targets of the contract, and four grips."""
    pair = pair_body(hands)
    model = compiled(pair)
    assert len(pair.joints) == bodies and model.nv == nv and model.nu == targets + 4
    layout = PairLayout.of(model, pair)
    assert layout.target.size == targets and len(np.unique(layout.target)) == targets
    assert len(np.unique(layout.joint_qvel)) == targets


@pytest.mark.parametrize("hands", Hands)
def test_masses(hands: Hands):
    """Weigh near 70 kg whatever the hands, as a person's segments do, left like right."""
    person = PersonBody("supporter", Skeleton.neutral(), hands)
    assert person.mass == pytest.approx(70, abs=2)
    assert person.mass == pytest.approx(body_mass(person.skeleton), rel=0.01)
    by_joint = {name: sum(s.mass for s in person.shapes if JOINT_NAMES[s.joint] == name) for name in JOINT_NAMES}
    for name, mass in by_joint.items():
        assert mass == pytest.approx(by_joint[name.replace("left", "right")])
    hand = sum(
        m for name, m in by_joint.items() if name.startswith("left") and muscle_group(name) in ("wrist", "finger")
    )
    assert hand == pytest.approx(0.006 * person.mass, rel=0.01)
    legs = sum(m for name, m in by_joint.items() if muscle_group(name) in LEGS)
    assert legs / person.mass == pytest.approx(2 * (0.142 + 0.043 + 0.011 + 0.003), rel=0.01)


def test_model_weighs_what_the_body_says(mitten: mujoco.MjModel):
    """Carry the masses into the model: palms' second skins and toes' edges weigh nothing."""
    pair = pair_body()
    layout = PairLayout.of(mitten, pair)
    for bodies, person in zip(layout.body, pair.people, strict=True):
        assert mitten.body_subtreemass[bodies[0]] == pytest.approx(person.mass)
    assert mitten.body_mass[layout.palm].max() == 0


@pytest.mark.parametrize("factor", [0.8, 1.1])
def test_own_proportions(factor: float):
    """Build each person on their own skeleton: bones by their joints, thickness and mass by their size."""
    rest = Skeleton.neutral().rest_joints
    pair = replace(pair_body(), recipient=PersonBody("recipient", Skeleton(rest * factor)))
    model = compiled(pair)
    layout = PairLayout.of(model, pair)
    offsets = rest[list(pair.joints)] - rest[[pair.joints[max(p, 0)] for p in pair.supporter.parents]]
    np.testing.assert_allclose(model.body_pos[layout.body[0, 1:]], offsets[1:], atol=1e-12)
    np.testing.assert_allclose(model.body_pos[layout.body[1, 1:]], offsets[1:] * factor, atol=1e-12)
    assert pair.recipient.mass == pytest.approx(pair.supporter.mass * factor**2)
    thigh = [model.geom(f"{role}/left_hip/0").size[0] for role in ("supporter", "recipient")]
    assert thigh[1] == pytest.approx(thigh[0] * factor)


def test_soles_are_level():
    """Stand both feet's boxes on one horizontal plane when somebody stands in the rest pose."""
    skeleton = Skeleton.neutral()
    boxes = [s for s in PersonBody("supporter", skeleton).shapes if s.kind == "box"]
    assert len(boxes) == 4
    heights = [skeleton.rest_joints[s.joint, 1] + s.position[1] - s.size[1] for s in boxes]
    np.testing.assert_allclose(heights, skeleton.sole_height, atol=1e-12)


def test_choices_that_keep_it_from_exploding(mitten: mujoco.MjModel):
    """Keep the integrator, the cone, honest divergence, and damping out of the actuators."""
    option = mitten.opt
    assert option.timestep == pytest.approx(1 / 120)
    assert option.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert option.cone == mujoco.mjtCone.mjCONE_ELLIPTIC and option.impratio == 10
    assert option.disableflags & mujoco.mjtDisableBit.mjDSBL_AUTORESET
    layout = PairLayout.of(mitten, pair_body())
    targets = layout.target.ravel()
    assert (mitten.actuator_biasprm[targets, 2] == 0).all()
    assert (mitten.actuator_forcelimited[targets] == 1).all()
    assert (mitten.dof_damping[layout.joint_qvel] > 0).all()
    balls = mitten.dof_jntid[layout.joint_qvel]
    assert (mitten.jnt_type[balls] == mujoco.mjtJoint.mjJNT_BALL).all() and not mitten.jnt_limited[balls].any()


@pytest.mark.parametrize("preset", PRESETS)
def test_strength_reaches_the_model(preset: str):
    """Put gains, damping, limits, mass and inertia of a preset into the recipient and not into the supporter."""
    strength = PRESETS[preset]
    pair, plain = pair_body(recipient=strength), compiled(pair_body())
    model = compiled(pair)
    layout = PairLayout.of(model, pair)
    for person, own in enumerate((Strength(), strength)):
        for row, j in enumerate(pair.joints[1:]):
            muscle = own.muscle(JOINT_NAMES[j])
            actuators, dofs = layout.target[person, row], layout.joint_qvel[person, row]
            np.testing.assert_allclose(model.actuator_gainprm[actuators, 0], muscle.kp)
            np.testing.assert_allclose(model.actuator_biasprm[actuators, 1], -muscle.kp)
            np.testing.assert_allclose(model.dof_damping[dofs], muscle.kd)
            np.testing.assert_allclose(model.actuator_forcerange[actuators], [[-muscle.limit, muscle.limit]] * 3)
        bodies = layout.body[person]
        np.testing.assert_allclose(model.body_mass[bodies], plain.body_mass[bodies] * own.mass)
        np.testing.assert_allclose(model.body_inertia[bodies], plain.body_inertia[bodies] * own.mass)


def test_weak_is_the_papers():
    """Halve the legs' gains, cap hip, knee and ankle at 80 N m, weigh 0.7; leave the arms alone."""
    weak = PRESETS["weak"]
    assert weak.mass == 0.7
    for name in ("left_hip", "right_knee", "left_ankle"):
        normal, muscle = MUSCLES[muscle_group(name)], weak.muscle(name)
        assert (muscle.kp, muscle.kd, muscle.limit) == (normal.kp / 2, normal.kd / 2, 80)
    assert weak.muscle("left_foot").limit == 50
    assert weak.muscle("left_elbow") == MUSCLES["elbow"]


def test_the_slider():
    """Scale every gain and limit, and leave the mass; take a preset's name or a number."""
    half = Strength.parse("0.5")
    for group in MUSCLES:
        joint = next(name for name in JOINT_NAMES[1:] if muscle_group(name) == group)
        assert half.muscle(joint).kp == pytest.approx(MUSCLES[group].kp / 2)
        assert half.muscle(joint).kd == pytest.approx(MUSCLES[group].kd / 2)
        assert half.muscle(joint).limit == pytest.approx(MUSCLES[group].limit / 2)
    assert half.mass == 1 and Strength.parse("weak") is PRESETS["weak"]


@pytest.mark.parametrize("text", ["strong", "-1", "9", "nan", ""])
def test_impossible_strengths_are_refused(text: str):
    """Name what is wrong with a strength."""
    with pytest.raises(AssistMimicError, match="strength"):
        Strength.parse(text)


@pytest.mark.parametrize(
    "changes", [{"mass": 0}, {"gains": {"hips": 1}}, {"limits": {"hip": -1}}, {"limits": {"hip": float("nan")}}]
)
def test_impossible_strength_tables_are_refused(changes: dict):
    """Refuse masses, groups and numbers no person has."""
    with pytest.raises(AssistMimicError, match="strength"):
        Strength(**changes)


@pytest.mark.parametrize("force", [-1, 451])
def test_a_grip_no_hand_has(force: float):
    """Refuse grips over 450 N."""
    with pytest.raises(ValueError, match="grip_force"):
        pair_body(grip_force=force)


def touching(model: mujoco.MjModel, first: str, second: str) -> bool:
    """Whether two geoms can touch."""
    a, b = model.geom(first), model.geom(second)
    return bool((a.contype[0] & b.conaffinity[0]) or (b.contype[0] & a.conaffinity[0]))


@pytest.mark.parametrize("hands", Hands)
def test_who_touches_whom(hands: Hands):
    """Touch partner, floor and props everywhere, oneself nowhere; let the gripping palm meet the partner alone."""
    model = compiled(pair_body(hands))
    names = [model.geom(i).name for i in range(model.ngeom)]
    mine = [n for n in names if n.startswith("supporter/")]
    partners = [n for n in names if n.startswith("recipient/")]
    world = ["floor", "props/0"]
    palms = {f"{role}/{side}_palm" for role in ("supporter", "recipient") for side in ("left", "right")}
    assert palms <= set(names)
    assert not any(touching(model, a, b) for people in (mine, partners) for a in people for b in people)
    assert not any(touching(model, palm, w) for palm in palms for w in world)
    skin = [n for n in mine if n not in palms and "_wrist/" not in n and "_foot/" not in n]
    partner_skin = [n for n in partners if n not in palms and "_wrist/" not in n and "_foot/" not in n]
    assert all(touching(model, n, w) for n in skin for w in world)
    assert all(touching(model, a, b) for a in skin for b in partner_skin)
    assert all(touching(model, "supporter/left_palm", n) for n in [*partner_skin, "recipient/right_palm"])
    assert all(touching(model, "supporter/left_wrist/0", w) for w in world)
    assert not any(touching(model, "supporter/left_wrist/0", n) for n in partners)


def test_a_clips_frames_as_generalised_positions(standing_clip):
    """Put a clip's frames into the model and find its joints where the clip has them."""
    pair = PairBody.from_clip(standing_clip)
    model = compiled(pair)
    layout, data = PairLayout.of(model, pair), mujoco.MjData(model)
    data.qpos = clip_qpos(standing_clip, pair, layout, model.nq)[3]
    mujoco.mj_kinematics(model, data)
    np.testing.assert_allclose(data.xpos[layout.body], standing_clip.joints[3][:, list(pair.joints)], atol=1e-9)


def test_props_stand_where_the_clip_has_them(mitten: mujoco.MjModel):
    """Build a prop from full edge lengths, position and rotation."""
    geom = mitten.geom("props/0")
    np.testing.assert_allclose(geom.size, BOX.size / 2)
    np.testing.assert_allclose(geom.pos, BOX.position)
    np.testing.assert_allclose(geom.quat, BOX.quat, atol=1e-12)
