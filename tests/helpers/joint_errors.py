"""How far joints are from where they should be."""

from __future__ import annotations

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat


def errors(found: InteractionClip, clip: InteractionClip, joints: int = 55) -> tuple[float, float]:
    """Largest distance of the joints [m], without a common horizontal shift, and largest angle [degrees]."""
    apart = (found.joints - clip.joints)[:, :, :joints]
    apart[..., :2] -= apart[:, :, 0].mean(axis=(0, 1))[:2]
    angle = rotvec_from_quat(quat_mul(quat_conj(found.joint_quats), clip.joint_quats))[:, :, :joints]
    return float(np.linalg.norm(apart, axis=-1).max()), float(np.degrees(np.linalg.norm(angle, axis=-1)).max())
