"""The figure's parts: skin, hair, clothes and shoes, each a signed distance; the left half of them."""

from __future__ import annotations

import numpy as np

from .fields import FAR, cone, cut, ellipsoid, join, tube
from .skeleton import SOLE, at

X, Z = np.array([1.0, 0, 0]), np.array([0.0, 0, 1])
EYE, EYE_RADIUS = np.array([0.0320, 0.3300, 0.0790]), 0.0135
FINGERS = {"index": (0.0092, 0.024), "middle": (0.0095, 0.026), "ring": (0.009, 0.025), "pinky": (0.008, 0.021)}
"""Radius at the knuckle and length of the last segment [m]."""


def torso(p: np.ndarray, grow: float = 0.0) -> np.ndarray:
    """Return pelvis to neck, without arms and legs."""
    rows = [  # height, half width, half depth, middle's z
        (-0.52, 0.120, 0.085, -0.016),
        (-0.47, 0.160, 0.106, -0.018),
        (-0.42, 0.169, 0.112, -0.016),
        (-0.35, 0.160, 0.106, -0.008),
        (-0.27, 0.143, 0.097, -0.001),
        (-0.20, 0.137, 0.094, 0.002),
        (-0.12, 0.143, 0.099, 0.002),
        (-0.04, 0.154, 0.107, 0.002),
        (0.03, 0.158, 0.107, -0.002),
        (0.08, 0.146, 0.094, -0.011),
        (0.115, 0.110, 0.076, -0.020),
        (0.15, 0.066, 0.060, -0.024),
    ]
    table = [(y, a + grow, b + grow, 0.0, z) for y, a, b, z in rows]
    body = tube(p, np.zeros(3), np.array([0.0, 1, 0]), table, -X)
    chest = ellipsoid(p, (0.066, 0.022, 0.066), (0.078 + grow, 0.062 + grow, 0.042 + grow))
    blade = ellipsoid(p, (0.075, 0.03, -0.075), (0.06 + grow, 0.075 + grow, 0.035 + grow))
    slope = cone(p, (0.015, 0.150, -0.030), (0.138, 0.100, -0.020), 0.045 + grow, 0.031 + grow)
    shoulder = cone(p, (0.085, 0.072, -0.014), at("left_shoulder") + [0.004, -0.008, 0], 0.060 + grow, 0.045 + grow)
    body = join(0.05, body, chest, blade)
    return join(0.06, body, shoulder, slope)


def lower_body(p: np.ndarray) -> np.ndarray:
    """Return trunk, seat and legs as one, what shirt and trousers are worn over."""
    seat = ellipsoid(p, (0.045, -0.460, -0.058), (0.112, 0.094, 0.069))
    trunk = join(0.06, torso(p), seat)
    return join(0.05, trunk, leg(p))


def leg(p: np.ndarray) -> np.ndarray:
    """Return a trouser leg down to its hem above the shoe."""
    hip, knee, ankle = at("left_hip"), at("left_knee"), at("left_ankle")
    upper = [
        (-0.14, 0.070, 0.078, 0.030, 0.0),
        (0.05, 0.086, 0.094, 0.026, 0.004),
        (0.25, 0.087, 0.093, 0.014, 0.004),
        (0.5, 0.077, 0.082, 0.005, 0.004),
        (0.75, 0.067, 0.070, 0.0, 0.003),
        (0.9, 0.0625, 0.066, 0.0, 0.003),
        (1.0, 0.0595, 0.0635, 0.0, 0.003),
    ]
    lower = [
        (0.0, 0.0590, 0.0630, 0.0, 0.003),
        (0.15, 0.057, 0.061, 0.0, -0.004),
        (0.32, 0.0570, 0.0625, 0.0, -0.010),
        (0.55, 0.053, 0.057, 0.0, -0.008),
        (0.8, 0.0490, 0.053, 0.0, -0.003),
        (0.94, 0.0495, 0.0545, 0.0, 0.002),
        (0.99, 0.0505, 0.0560, 0.0, 0.003),
    ]
    round_knee = ellipsoid(p, knee + [0, 0, 0.002], (0.0585, 0.060, 0.0625))
    return join(0.006, tube(p, hip, knee, upper, X), tube(p, knee, ankle, lower, X), round_knee)


def trousers(p: np.ndarray) -> np.ndarray:
    """Return the trousers, up to a waist under the shirt."""
    return cut(0.01, lower_body(p), -(p[:, 1] + 0.30))


def shoe(p: np.ndarray) -> np.ndarray:
    """Return a shoe: sole, heel, rounded toes and a shaft into the trousers."""
    ankle, ball = at("left_ankle"), at("left_foot")
    forward = (ball - ankle) * [1, 0, 1]
    forward /= np.linalg.norm(forward)
    side = np.cross([0, 1, 0], forward)
    floor = np.array([ankle[0], SOLE, ankle[2]])

    def place(ahead: float, up: float, left: float = 0.0) -> np.ndarray:
        return floor + ahead * forward + up * np.array([0, 1.0, 0]) + left * side

    heel = cone(p, place(-0.026, 0.034), place(0.03, 0.034), 0.036, 0.036)
    arch = cone(p, place(0.03, 0.030), place(0.118, 0.026, 0.002), 0.036, 0.041)
    toes = join(
        0.02,
        cone(p, place(0.118, 0.024, 0.010), place(0.158, 0.022, 0.008), 0.036, 0.030),
        cone(p, place(0.118, 0.022, -0.012), place(0.150, 0.020, -0.012), 0.034, 0.028),
    )
    instep = cone(p, place(0.015, 0.070), place(0.105, 0.036), 0.034, 0.026)
    shaft = cone(p, place(0.0, 0.045), place(-0.004, 0.135), 0.038, 0.036)
    upper = join(0.03, heel, arch, toes, instep, shaft)
    q = p[:, 1] - SOLE
    return cut(0.012, upper, q)


def sole(p: np.ndarray) -> np.ndarray:
    """Return the shoe's rim, a little wider than the shoe and flat."""
    outline = shoe(np.stack([p[:, 0], np.full(len(p), SOLE + 0.022, np.float32), p[:, 2]], axis=1)) - 0.003
    height = np.abs(p[:, 1] - SOLE - 0.011) - 0.011
    return cut(0.006, np.maximum(outline, -FAR), -height)


def sleeve(p: np.ndarray) -> np.ndarray:
    """Return a sleeve from the shoulder to its cuff."""
    shoulder, elbow, wrist = at("left_shoulder"), at("left_elbow"), at("left_wrist")
    upper = [
        (-0.12, 0.046, 0.045, 0.0, -0.007),
        (0.12, 0.0520, 0.050, 0.0, -0.005),
        (0.45, 0.051, 0.051, 0.0, 0.0),
        (0.8, 0.0460, 0.0470, 0.0, 0.0),
        (1.0, 0.0435, 0.0445, 0.0, 0.0),
    ]
    lower = [
        (0.0, 0.0435, 0.0445, 0.0, 0.0),
        (0.25, 0.0430, 0.0425, 0.0, 0.0),
        (0.6, 0.0375, 0.0355, 0.0, 0.0),
        (0.85, 0.0325, 0.0295, 0.0, 0.0),
        (0.89, 0.0340, 0.0310, 0.0, 0.0),
        (0.955, 0.0340, 0.0310, 0.0, 0.0),
    ]
    bend = ellipsoid(p, elbow, (0.043, 0.0435, 0.043))
    return join(0.006, tube(p, shoulder, elbow, upper, Z), tube(p, elbow, wrist, lower, Z), bend)


def shirt(p: np.ndarray) -> np.ndarray:
    """Return the shirt with its sleeves, collar and hem."""
    body = join(0.045, lower_body(p) - 0.005, sleeve(p))
    body = cut(0.005, body, p[:, 1] + 0.425)
    rise = (p - np.array([0, 0.150, -0.022], np.float32)) @ np.array([0, 0.955, -0.296], np.float32)
    opening = cone(p, (0, 0.10, -0.010), (0, 0.30, -0.065), 0.054, 0.054)
    body = np.maximum(body, rise - 0.010)
    ring = np.hypot(opening - 0.001, np.maximum(np.abs(rise - 0.006) - 0.008, 0)) - 0.006
    return join(0.008, cut(0.006, body, opening + 0.005), ring)


def hand(p: np.ndarray) -> np.ndarray:
    """Return a hand with five fingers, and the wrist inside the cuff."""
    elbow, wrist = at("left_elbow"), at("left_wrist")
    arm = wrist - elbow
    stem = cone(p, wrist - 0.22 * arm, wrist + 0.03 * arm, 0.0255, 0.0235)
    knuckles = [at(f"left_{name}1") for name in FINGERS]
    palm = join(
        0.03,
        *(
            cone(p, wrist + [0.010, 0.001, z], knuckle - 0.12 * (knuckle - wrist) + [0, -0.002, 0], 0.0165, 0.0125)
            for knuckle, z in zip(knuckles, (0.010, 0.004, -0.004, -0.010), strict=True)
        ),
    )
    heel = ellipsoid(p, wrist + [0.045, -0.009, -0.014], (0.042, 0.015, 0.030))
    out = join(0.025, stem, palm, heel)
    thumb = [at("left_thumb1"), at("left_thumb2"), at("left_thumb3")]
    tip = thumb[2] + (thumb[2] - thumb[1]) / np.linalg.norm(thumb[2] - thumb[1]) * 0.022
    root = cone(p, wrist + [0.020, -0.004, 0.012], thumb[1], 0.0175, 0.0135)
    out = join(0.02, out, root)
    out = join(
        0.010, out, join(0.006, cone(p, thumb[1], thumb[2], 0.0128, 0.0110), cone(p, thumb[2], tip, 0.0112, 0.009))
    )
    fingers = np.full(len(p), FAR, np.float32)
    for name, (radius, length) in FINGERS.items():
        one, two, three = (at(f"left_{name}{k}") for k in (1, 2, 3))
        end = three + (three - two) / np.linalg.norm(three - two) * (length - 0.006)
        finger = join(
            0.004,
            cone(p, one - 0.25 * (two - one), two, radius + 0.0012, radius),
            cone(p, two, three, radius, radius - 0.0008),
            cone(p, three, end, radius - 0.0006, radius - 0.0018),
        )
        fingers = join(0.002, fingers, finger)
    return join(0.010, out, fingers)


def neck(p: np.ndarray) -> np.ndarray:
    """Return the neck."""
    throat = cone(p, (0, 0.08, -0.030), (0, 0.285, -0.006), 0.053, 0.0455)
    nape = cone(p, (0.018, 0.10, -0.043), (0.015, 0.29, -0.038), 0.035, 0.027)
    return join(0.03, throat, nape)


def face(p: np.ndarray) -> np.ndarray:
    """Return the head's skin: skull, jaw, cheeks, brow, nose, lips and ears."""
    skull = ellipsoid(p, (0, 0.353, 0.004), (0.0745, 0.092, 0.094))
    front = ellipsoid(p, (0, 0.292, 0.036), (0.0585, 0.080, 0.061))
    chin = ellipsoid(p, (0, 0.2290, 0.078), (0.019, 0.016, 0.020))
    jaw = cone(p, (0.045, 0.274, 0.008), (0.015, 0.2290, 0.070), 0.017, 0.015)
    cheek = ellipsoid(p, (0.039, 0.304, 0.071), (0.022, 0.024, 0.021))
    brow = cone(p, (0.010, 0.3475, 0.0885), (0.046, 0.3475, 0.072), 0.011, 0.0105)
    head = join(0.035, skull, front, chin, jaw)
    head = join(0.03, head, cheek, brow)
    head = cut(0.010, head, ellipsoid(p, (0.0320, 0.3300, 0.1015), (0.0175, 0.0100, 0.0160)))
    bridge = cone(p, (0, 0.338, 0.093), (0, 0.3035, 0.1115), 0.0070, 0.0095)
    wing = ellipsoid(p, (0.0090, 0.2985, 0.1020), (0.0080, 0.0070, 0.0100))
    head = join(0.012, head, join(0.008, bridge, wing))
    mouth = ellipsoid(p, (0, 0.258, 0.083), (0.028, 0.017, 0.0165))
    head = join(0.015, head, mouth)
    head = cut(0.004, head, _between_lips(p))
    ear = ellipsoid(p, (0.0775, 0.317, -0.006), (0.0085, 0.031, 0.018))
    hollow = ellipsoid(p, (0.0875, 0.319, 0.000), (0.007, 0.019, 0.010))
    head = join(0.010, head, cut(0.006, ear, hollow))
    return join(0.03, head, neck(p))


def _smile(p: np.ndarray) -> np.ndarray:
    """Return how far above the line between the lips each point is [m]; the corners of the mouth are up a little."""
    return p[:, 1] - 0.2580 - 3.5 * p[:, 0] ** 2


def _between_lips(p: np.ndarray) -> np.ndarray:
    return np.maximum(np.hypot(_smile(p), p[:, 2] - 0.1005 + 9 * p[:, 0] ** 2) - 0.0022, p[:, 0] - 0.024)


def lips(p: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return the lips, a little above the skin."""
    up, across = _smile(p), np.clip(1 - (p[:, 0] / 0.025) ** 2, 0, 1)
    outline = np.maximum(up - 0.0065 * across, -up - 0.0080 * across)
    outline = np.maximum(outline, p[:, 0] - 0.0235)
    return np.maximum(skin - 0.0012, np.maximum(outline, 0.06 - p[:, 2]))


def brows(p: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return an eyebrow, a little above the skin."""
    x = p[:, 0]
    line = 0.3530 + 0.0035 * np.sin(np.clip((x - 0.014) / 0.030, 0, 1.4) * np.pi * 0.72)
    thick = 0.0032 - 0.0014 * np.clip((x - 0.02) / 0.03, 0, 1)
    outline = np.maximum(np.abs(p[:, 1] - line) - thick, np.abs(x - 0.0315) - 0.0185)
    return np.maximum(skin - 0.0016, np.maximum(outline, 0.05 - p[:, 2]))


def hair(p: np.ndarray) -> np.ndarray:
    """Return short hair."""
    cap = ellipsoid(p, (0, 0.3600, -0.004), (0.0835, 0.0985, 0.1020))
    back = ellipsoid(p, (0, 0.318, -0.052), (0.068, 0.076, 0.054))
    fringe = ellipsoid(p, (0.018, 0.428, 0.048), (0.050, 0.026, 0.038))
    mass = join(0.03, cap, back, fringe)
    window = ellipsoid(p, (0, 0.300, 0.100), (0.0765, 0.1130, 0.0960))
    ear = ellipsoid(p, (0.083, 0.308, 0.004), (0.026, 0.038, 0.024))
    under = p[:, 1] - 0.262 - 0.25 * (p[:, 2] + 0.09)
    return cut(0.008, cut(0.010, np.maximum(mass, -under), window), ear)


def eyes(rings: int = 7, around: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both eyeballs as points, faces and whether a face is the iris."""
    tilt = np.concatenate([[0.0], np.radians([14, 25]), np.linspace(np.radians(44), np.radians(115), rings - 2)])
    turn = 2 * np.pi * np.arange(around) / around
    ball = [[0.0, 0.0, 1.0]]
    ball += [[np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.cos(t)] for t in tilt[1:] for a in turn]
    ball += [[0.0, 0.0, -1.0]]
    faces = []
    for k in range(around):
        n = (k + 1) % around
        faces.append((0, 1 + k, 1 + n))
        for r in range(len(tilt) - 2):
            a, b = 1 + r * around, 1 + (r + 1) * around
            faces += [(a + k, b + k, b + n), (a + k, b + n, a + n)]
        last = 1 + (len(tilt) - 2) * around
        faces.append((last + k, len(ball) - 1, last + n))
    ball, faces = np.array(ball), np.array(faces)
    iris = np.arange(len(faces)) % (len(faces) // around) < 3
    points = [EYE * [side, 1, 1] + EYE_RADIUS * ball for side in (1, -1)]
    return np.concatenate(points), np.concatenate([faces, faces + len(ball)]), np.tile(iris, 2)
