"""The pair as a MuJoCo model: masses, muscles, who touches whom, and the choices that keep it from exploding."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from controller_server.body.drive import from_middles, leading_targets, to_rest
from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import compile_pair
from controller_server.body.muscles import JOINTS, LEGS, human_range, muscle_group, muscle_of
from controller_server.body.pair import PairBody, PersonBody
from controller_server.body.shape import Hands, body_mass
from controller_server.body.strength import PRESETS, Strength
from controller_server.clip.interaction import Prop
from controller_server.clip.rotation import quat_from_rotvec
from controller_server.clip.skeleton import JOINT_NAMES, Skeleton
from controller_server.core.errors import AssistMimicError

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
    return compile_pair(pair)


@pytest.fixture(scope="module")
def mitten() -> mujoco.MjModel:
    """The model of two neutral people with mitten hands."""
    return compiled(pair_body())


@pytest.mark.parametrize(
    ("hands", "bodies", "nv", "targets"), [(Hands.MITTEN, 22, 138, 126), (Hands.FULL, 52, 318, 306)]
)
def test_sizes(hands: Hands, bodies: int, nv: int, targets: int):
    """Have the bodies, degrees of freedom and targets of the contract, four grips, and 32 joint stops."""
    pair = pair_body(hands)
    model = compiled(pair)
    assert len(pair.joints) == bodies and model.nv == nv and model.nu == targets + 4 + 32
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
    assert option.timestep == pytest.approx(1 / 240)
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
        for row, muscle in enumerate(pair.people[person].muscles):
            actuators, dofs = layout.target[person, row], layout.joint_qvel[person, row]
            np.testing.assert_allclose(model.actuator_gainprm[actuators, 0], muscle.kp)
            np.testing.assert_allclose(model.actuator_biasprm[actuators, 1], -np.array(muscle.kp))
            np.testing.assert_allclose(model.dof_damping[dofs], muscle.kd)
            np.testing.assert_allclose(
                model.actuator_forcerange[actuators], np.array(muscle.limit) * [-1, 1], atol=2e-6
            )
        bodies = layout.body[person]
        np.testing.assert_allclose(model.body_mass[bodies], plain.body_mass[bodies] * own.mass)
        np.testing.assert_allclose(model.body_inertia[bodies], plain.body_inertia[bodies] * own.mass)


def test_the_papers_recipients():
    """Halve the legs' gains, let no axis of hip, knee and ankle have more than 80 N m, weigh 0.7; leave the arms."""
    paper = PRESETS["paper_interx"]
    assert paper.mass == 0.7
    for name in ("left_hip", "right_knee", "left_ankle"):
        adult, muscle = Strength().muscle(name, 70), paper.muscle(name, 70)
        assert muscle.kp[0] == pytest.approx(adult.kp[0] / 2) and muscle.kd[0] == pytest.approx(adult.kd[0] / 2)
        assert muscle.limit[0] == tuple(min(limit, 80.0) for limit in adult.limit[0])
    assert paper.muscle("left_elbow", 70) == Strength().muscle("left_elbow", 70)


def test_the_slider():
    """Scale limits and stiffness, not ligaments, the mass, or the damping of tissue; take a name or a number."""
    half, adult = Strength.parse("0.5").muscle("left_knee", 70), Strength().muscle("left_knee", 70)
    np.testing.assert_allclose(half.kp, np.array(adult.kp) * [0.5, 1, 1])
    np.testing.assert_allclose(half.kd, np.array(adult.kd) * [0.55, 1, 1])
    np.testing.assert_allclose(half.limit, np.array(adult.limit) * [[0.5], [1], [1]])
    assert Strength.parse("0.5").mass == 1 and Strength.parse("weak") is PRESETS["weak"]
    assert Strength.parse("normal") is PRESETS["adult"]  # its name in version 0.1


def test_an_adult_knee():
    """Give 3.0 N m per kg to extension (about -x) and 1.3 to flexion, and let it turn at 8 rad/s either way."""
    knee = Strength().muscle("left_knee", 70)
    assert knee.limit[0] == pytest.approx((210, 91))
    assert min(knee.limit[0]) / knee.kd[0] > 8
    assert knee.ligament == (False, True, True)


@pytest.mark.parametrize("name", ["hip", "ankle", "shoulder", "elbow", "wrist"])
def test_right_is_left_mirrored(name: str):
    """Exchange the directions about y and z, where a reflection at the middle of the body turns rotations round."""
    left, right = (Strength().muscle(f"{side}_{name}", 70).limit for side in ("left", "right"))
    assert right == (left[0], left[1][::-1], left[2][::-1])
    low, high = human_range(f"left_{name}").T, human_range(f"right_{name}").T
    np.testing.assert_allclose(high, [low[0] * [1, 0, 0] - low[1] * [0, 1, 1], low[1] * [1, 0, 0] - low[0] * [0, 1, 1]])


def test_one_side_paralysed():
    """Take the muscles of one side, and leave it ligaments, joint stops and the damping of tissue."""
    stroke = PRESETS["left_paralysed"]
    knee = stroke.muscle("left_knee", 70)
    assert knee.limit[0] == (0, 0) and knee.kp[0] == 0 and knee.limit[1] == (105, 105) and knee.kd[0] > 0
    assert stroke.muscle("right_knee", 70) == Strength().muscle("right_knee", 70)
    assert stroke.muscle("spine1", 70) == Strength().muscle("spine1", 70)


@pytest.mark.parametrize("joint", list(JOINTS))
def test_no_axis_is_slow(joint: str):
    """Let every muscle axis of an adult turn at 4.5 rad/s or more at its weaker limit."""
    name = (
        joint
        if joint in ("neck",)
        else {"trunk": "spine1", "toe": "left_foot", "finger": "left_index1"}.get(joint, f"left_{joint}")
    )
    muscle = muscle_of(name, 70)
    for axis in range(3):
        if not muscle.ligament[axis]:
            assert min(muscle.limit[axis]) / muscle.kd[axis] > 4.5


def test_a_locked_knee_bears():
    """Hold a straight knee back from bending the wrong way without any muscle, and not in its range."""
    pair = pair_body(recipient=PRESETS["passive"])
    model = compiled(pair)
    layout, data = PairLayout.of(model, pair), mujoco.MjData(model)
    row = pair.joints.index(JOINT_NAMES.index("left_knee")) - 1
    dof = layout.joint_qvel[1, row, 0]
    found = []
    for degrees in (-15, 40):
        data.qpos[:] = model.qpos0
        bent = quat_from_rotvec(np.array([np.deg2rad(degrees), 0, 0]))
        data.qpos[layout.joint_qpos[1, row]] = layout.joint_coordinates(np.tile(bent, (2, len(pair.joints) - 1, 1)))[
            1, row
        ]
        mujoco.mj_forward(model, data)
        found.append(data.qfrc_actuator[dof])
    assert found[0] > 100 and abs(found[1]) < 1e-9


def test_targets_lead_by_what_springs_need():
    """Count angles from the middles of the springs and back, and lead by torque / Kp there."""
    pair, rng = pair_body(), np.random.default_rng(0)
    targets = rng.uniform(-1, 1, (5, 2, 21, 3))
    np.testing.assert_allclose(to_rest(from_middles(targets, pair.middles), pair.middles), targets, atol=1e-12)
    pose = quat_from_rotvec(targets)
    torques = rng.uniform(-20, 20, targets.shape)
    lead = from_middles(leading_targets(pose, torques, pair), pair.middles) - from_middles(targets, pair.middles)
    np.testing.assert_allclose(lead * pair.kp, torques, atol=1e-6)


@pytest.mark.parametrize("text", ["strong", "-1", "9", "nan", ""])
def test_impossible_strengths_are_refused(text: str):
    """Name what is wrong with a strength."""
    with pytest.raises(AssistMimicError, match="strength"):
        Strength.parse(text)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mass": 0}, "mass: 0 is outside 0.1-5"),
        ({"muscles": {"left_trunk": 1}}, "muscles: no muscle group 'left_trunk'; did you mean"),
        ({"gains": {"hips": 1}}, "gains: no muscle group 'hips'; did you mean hip?"),
        ({"limits": {"hip": -1}}, "limits.hip: -1 N m is outside 0-2000"),
        ({"limits": {"hip": float("nan")}}, "limits.hip: nan N m is outside 0-2000"),
    ],
)
def test_impossible_strength_tables_are_refused(changes: dict, told: str):
    """Refuse masses, groups and numbers no person has."""
    with pytest.raises(AssistMimicError) as error:
        Strength(**changes)
    assert str(error.value).startswith(told)


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
