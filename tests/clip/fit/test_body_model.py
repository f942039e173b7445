"""Rest skeletons from a licensed body model, with a made-up model of the same arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.clip.fit.body_model import rest_joints, with_body_model
from controller_server.clip.skeleton import NEUTRAL_REST_JOINTS
from controller_server.core.errors import AssistMimicError

VERTICES = 120


def write_model(folder: Path, gender: str = "neutral", *, directions: int = 400, **changes: object) -> np.ndarray:
    """A model whose joints are vertices 0-54 and whose first shape direction makes everything larger."""
    rng = np.random.default_rng(3)
    template = rng.normal(size=(VERTICES, 3))
    template[:55] = NEUTRAL_REST_JOINTS
    shapes = rng.normal(size=(VERTICES, 3, directions)) * 0.01
    shapes[:, :, 0] = 0.1 * template
    regressor = np.zeros((55, VERTICES))
    regressor[np.arange(55), np.arange(55)] = 1
    arrays: dict[str, object] = {"v_template": template, "shapedirs": shapes, "J_regressor": regressor}
    # The real files hold a pickled dictionary too, which must not be in the way and never be opened.
    arrays |= {"joint2num": np.array({"Pelvis": 0}, dtype=object), **changes}
    kept = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    np.savez(folder / f"SMPLX_{gender.upper()}.npz", allow_pickle=True, **kept)
    return shapes


def test_rest_joints_of_a_shape(tmp_path):
    """Apply regressor, template and shape directions as the paper writes them."""
    shapes = write_model(tmp_path)
    betas = np.array([1.5, -0.5, 0.2])
    expected = NEUTRAL_REST_JOINTS + shapes[:55, :, :3] @ betas
    np.testing.assert_allclose(rest_joints(tmp_path, betas), expected, atol=1e-12)
    np.testing.assert_allclose(rest_joints(tmp_path, np.zeros(0)), NEUTRAL_REST_JOINTS, atol=1e-12)


def test_clip_gets_proportions_of_its_betas(tmp_path):
    """Fill in rest joints where there are none, by gender, and leave measured ones alone."""
    (tmp_path / "models" / "smplx").mkdir(parents=True)
    write_model(tmp_path / "models" / "smplx", "female")
    clip = standing_pair()
    measured = NEUTRAL_REST_JOINTS * 1.05
    clip = replace(
        clip,
        supporter=replace(clip.supporter, betas=np.array([1.0]), gender="female"),
        recipient=replace(clip.recipient, rest_joints=measured),
    )
    found = with_body_model(clip, tmp_path)
    np.testing.assert_allclose(found.supporter.skeleton.rest_joints, 1.1 * NEUTRAL_REST_JOINTS, atol=1e-12)
    np.testing.assert_array_equal(found.recipient.skeleton.rest_joints, measured)
    np.testing.assert_array_equal(found.supporter.pose_body, clip.supporter.pose_body)


def test_face_directions_are_not_shape(tmp_path):
    """Take the first ten of a small model's twenty directions; the others move the face."""
    write_model(tmp_path, directions=20)
    rest_joints(tmp_path, np.r_[np.ones(10), np.zeros(6)])
    with pytest.raises(AssistMimicError, match="10 shape directions, the clip has 12 betas"):
        rest_joints(tmp_path, np.ones(12))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"J_regressor": None}, "'J_regressor' is missing"),
        ({"J_regressor": np.zeros((24, VERTICES))}, r"J_regressor has shape \(24, 120\)"),
        ({"v_template": np.zeros((5, 3))}, "shape"),
        ({"shapedirs": np.zeros(4)}, "shapedirs has shape"),
        ({"J_regressor": np.array({"sparse": 1}, dtype=object)}, "not a readable SMPL-X model"),
    ],
)
def test_files_that_are_no_model(changes, words, tmp_path):
    """Say what is wrong with the file, and open no pickles."""
    write_model(tmp_path, **changes)
    with pytest.raises(AssistMimicError, match=words) as caught:
        rest_joints(tmp_path, np.zeros(10))
    assert "SMPLX_NEUTRAL.npz" in str(caught.value)


def test_folder_without_the_model(tmp_path):
    """Name the file that is missing; do not fall for the pickle beside it."""
    with pytest.raises(AssistMimicError, match=r"no SMPLX_MALE\.npz in it; download"):
        rest_joints(tmp_path, np.zeros(10), "male")
    (tmp_path / "SMPLX_MALE.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(AssistMimicError, match=r"\.pkl beside it can run code"):
        rest_joints(tmp_path, np.zeros(10), "male")
    with pytest.raises(AssistMimicError, match="no such folder"):
        rest_joints(tmp_path / "nowhere", np.zeros(10))
