// From packed motions to the solid shapes of one moment.
// Every solid is a rounded box: a core box grown by a radius. Capsules and spheres are rounded boxes with a thin core.

const COLOURS = {
  supporter: [0x46, 0x82, 0xb4],
  recipient: [0xe0, 0x82, 0x2e],
  partner: [0x00, 0x9e, 0x73],
  ground: [0x8a, 0x93, 0x9c],
  outside: [0xd6, 0x1f, 0x9b],
  grip: [0xf5, 0xd5, 0x47],
  prop: [0xb9, 0xad, 0x9d],
  dark: [0x20, 0x24, 0x2a],
};
const ROLES = ["supporter", "recipient"];
const linear = (rgb) => rgb.map((c) => Math.pow(c / 255, 2.2));
const mixed = (a, b, t) => a.map((x, k) => x * (1 - t) + b[k] * t);

class Motion {
  constructor(packed, parents) {
    this.parents = parents;
    this.people = packed.people;
    this.props = packed.props;
    this.root = unpack(packed.root);
    this.quats = unpack(packed.quats);
    this.bodies = parents.length;
  }

  // World positions and rotations of one person's bodies at a fractional frame.
  pose(person, frame) {
    const last = this.root.length / 6 - 1;
    const first = clamp(Math.floor(frame), 0, last);
    const second = Math.min(first + 1, last);
    const t = clamp(frame - first, 0, 1);
    const local = (k, body) => {
      const at = ((2 * k + person) * this.bodies + body) * 4;
      return [0, 1, 2, 3].map((i) => this.quats[at + i] / 32767);
    };
    const root = (k) => [0, 1, 2].map((i) => this.root[(2 * k + person) * 3 + i]);
    const positions = [];
    const quats = [];
    this.parents.forEach((parent, body) => {
      const q = quatBetween(local(first, body), local(second, body), t);
      if (parent < 0) {
        positions.push(add(scaled(root(first), 1 - t), scaled(root(second), t)));
        quats.push(q);
        return;
      }
      positions.push(add(positions[parent], quatRotate(quats[parent], this.people[person].offsets[body])));
      quats.push(quatMul(quats[parent], q));
    });
    return { positions, quats };
  }

  // Lowest and highest corner of all joints over the whole motion.
  bounds() {
    const low = [1e9, 1e9, 1e9];
    const high = [-1e9, -1e9, -1e9];
    const frames = this.root.length / 6;
    for (let frame = 0; frame < frames; frame += Math.max(1, Math.floor(frames / 40))) {
      for (const person of [0, 1]) {
        for (const p of this.pose(person, frame).positions) {
          for (let k = 0; k < 3; k++) {
            low[k] = Math.min(low[k], p[k]);
            high[k] = Math.max(high[k], p[k]);
          }
        }
      }
    }
    return { low, high };
  }
}

function solidOf(shape) {
  if (shape.kind === "sphere") return { core: [0, 0, 0], radius: shape.size[0] };
  if (shape.kind === "capsule") return { core: [0, 0, shape.size[1]], radius: shape.size[0] };
  const radius = 0.55 * Math.min(...shape.size); // the box keeps its extent, its edges become a shoe's
  return { core: shape.size.map((x) => x - radius), radius };
}

const IDENTITY = [1, 0, 0, 0];
const FACE = [
  { position: [0.036, 0.02, 0.094], radius: 0.013, dark: true },
  { position: [-0.036, 0.02, 0.094], radius: 0.013, dark: true },
  { position: [0, -0.012, 0.106], radius: 0.017, dark: false },
];

// What joins the simulated shapes: a spine and ankles thinner than they are. Nothing collides with these.
const SPINE = [0, 3, 6, 9, 12];
const ANKLES = [7, 8];

function innards(pose, colour) {
  const at = (row) => pose.positions[row];
  const spine = SPINE.slice(1).map((row, k) => [at(SPINE[k]), at(row), 0.075]);
  const feet = ANKLES.map((row) => [at(row), add(at(row), quatRotate(pose.quats[row], [0, -0.035, 0.012])), 0.04]);
  return [...spine, ...feet].map(([a, b, radius]) => {
    const along = sub(b, a);
    const position = scaled(add(a, b), 0.5);
    return { position, quat: quatFromZ(unit(along)), core: [0, 0, length(along) / 2], radius, colour, glow: 0 };
  });
}

// The solids of both people and the props: {position, quat, core, radius, colour (linear), glow}.
function solids(motion, frame, grips) {
  const out = [];
  const poses = [0, 1].map((person) => motion.pose(person, frame));
  poses.forEach((pose, person) => {
    const body = motion.people[person];
    const colour = linear(COLOURS[ROLES[person]]);
    const skin = mixed(colour, [1, 1, 1], 0.42);
    out.push(...innards(pose, mixed(colour, [0, 0, 0], 0.45)));
    for (const shape of body.shapes) {
      const q = pose.quats[shape.row];
      const hand = shape.palm ? body.hands.indexOf(shape.row) : -1;
      const grip = hand >= 0 && grips ? grips[2 * person + hand] : 0;
      const base = shape.palm || shape.row === body.head ? skin : colour;
      out.push({
        position: add(pose.positions[shape.row], quatRotate(q, shape.position)),
        quat: quatMul(q, shape.quat),
        ...solidOf(shape),
        colour: grip > 0.05 ? mixed(base, linear(COLOURS.grip), 0.35 + 0.65 * grip) : base,
        glow: grip > 0.05 ? 0.35 * grip : 0,
      });
      if (shape.row !== body.head || shape.kind !== "sphere") continue;
      const scale = shape.size[0] / 0.105;
      for (const part of FACE) {
        const at = add(shape.position, scaled(part.position, scale));
        const position = add(pose.positions[shape.row], quatRotate(q, at));
        const tint = part.dark ? linear(COLOURS.dark) : skin;
        out.push({ position, quat: q, core: [0, 0, 0], radius: part.radius * scale, colour: tint, glow: 0 });
      }
    }
  });
  return { solids: out, poses };
}

function propSolids(motion) {
  return motion.props.map((prop) => {
    const radius = Math.min(0.015, 0.4 * Math.min(...prop.size));
    return {
      position: prop.position,
      quat: prop.quat,
      core: prop.size.map((x) => x / 2 - radius),
      radius,
      colour: linear(COLOURS.prop),
      glow: 0,
    };
  });
}

const METRES_PER_NEWTON = 0.001;

// Arrows {origin, direction, length, radius, colour} and contact points (solids) of one frame.
class Effects {
  constructor(animation) {
    this.contacts = Object.fromEntries(Object.entries(animation.contacts).map(([k, v]) => [k, unpack(v)]));
    this.grips = unpack(animation.grips);
    this.wrench = unpack(animation.wrench);
  }

  gripsAt(frame) {
    return this.grips.subarray(4 * frame, 4 * frame + 4);
  }

  wrenchAt(frame, person) {
    return Array.from(this.wrench.subarray(12 * frame + 6 * person, 12 * frame + 6 * person + 6));
  }

  at(frame, poses, show) {
    const arrows = [];
    const meetings = [];
    const outside = [];
    const points = [];
    const c = this.contacts;
    for (let k = c.start[frame]; k < c.start[frame + 1]; k++) {
      const between = c.between[k] === 1;
      if (!(between ? show.partner : show.ground)) continue;
      const origin = Array.from(c.position.subarray(3 * k, 3 * k + 3));
      const force = Array.from(c.force.subarray(3 * k, 3 * k + 3));
      const colour = linear(between ? COLOURS.partner : COLOURS.ground);
      points.push({ position: origin, quat: IDENTITY, core: [0, 0, 0], radius: 0.017, colour, glow: 0.25 });
      if (between) meet(meetings, origin, force);
      else pushArrow(arrows, origin, force, METRES_PER_NEWTON, 0.011, colour);
    }
    for (const { origin, force } of meetings) {
      pushArrow(arrows, origin, force, 2.5 * METRES_PER_NEWTON, 0.014, linear(COLOURS.partner));
    }
    if (show.outside) {
      poses.forEach((pose, person) => {
        const wrench = this.wrenchAt(frame, person);
        const colour = linear(COLOURS.outside);
        pushArrow(outside, pose.positions[0], wrench.slice(0, 3), 2.5 * METRES_PER_NEWTON, 0.028, colour);
        pushArrow(outside, pose.positions[0], wrench.slice(3), 5 * METRES_PER_NEWTON, 0.012, colour);
      });
    }
    return { arrows, outside, points };
  }
}

const MEETING = 0.2; // contacts of the two people nearer than this act as one, as the fingers of a grip do [m]

// Adds a contact to the meeting it is part of: forces add up, the place is the mean weighted by force.
function meet(meetings, origin, force) {
  const weight = length(force) + 1;
  const found = meetings.find((m) => length(sub(m.origin, origin)) < MEETING);
  if (!found) {
    meetings.push({ origin, force, weight });
    return;
  }
  const total = found.weight + weight;
  found.origin = add(scaled(found.origin, found.weight / total), scaled(origin, weight / total));
  found.force = add(found.force, force);
  found.weight = total;
}

function pushArrow(arrows, origin, vector, metresPerUnit, radius, colour) {
  const size = length(vector) * metresPerUnit;
  if (size < 0.004) return;
  arrows.push({ origin, direction: unit(vector), length: clamp(size, 0.09, 1.2), radius, colour });
}
