// From packed motions to what is shown of one moment: people's bones, and props and points as solids.
// Every solid is a rounded box: a core box grown by a radius. Spheres are rounded boxes without a core.

const COLOURS = {
  partner: [0x00, 0x9e, 0x73],
  ground: [0x8a, 0x93, 0x9c],
  outside: [0xd6, 0x1f, 0x9b],
  grip: [0xf5, 0xd5, 0x47],
  prop: [0xb9, 0xad, 0x9d],
};
const ROLES = ["supporter", "recipient"];
const linear = (rgb) => rgb.map((c) => Math.pow(c / 255, 2.2));

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

// Mesh, figures and finger bends as arrays.
function unpackFigures({ mesh, figures, fingers }) {
  const arrays = Object.fromEntries(
    Object.entries(mesh).map(([key, value]) => [key, value.data === undefined ? value : unpack(value)]),
  );
  arrays.colours = Object.fromEntries(Object.entries(mesh.colours).map(([role, zones]) => [role, zones.flat()]));
  const fitted = Object.entries(figures).map(([name, { points, rest }]) => [
    name,
    { points: Float32Array.from(unpack(points), (x) => x / mesh.unitsPerMetre), rest: unpack(rest) },
  ]);
  return {
    mesh: arrays,
    figures: Object.fromEntries(fitted),
    fingers: fingers.map((hand) => hand.map(unpack)),
  };
}

const IDENTITY = [1, 0, 0, 0];

// Both people's bones at a moment, ready to bend their figures: {role, figure, bones, grips} and poses.
function people(motion, frame, grips, animation) {
  const poses = [0, 1].map((person) => motion.pose(person, frame));
  const shown = poses.map((pose, person) => {
    const held = grips ? [grips[2 * person], grips[2 * person + 1]] : [0, 0];
    const figure = animation.figures[motion.people[person].figure];
    return { role: ROLES[person], figure, bones: bonesOf(pose, held, figure, animation), grips: held };
  });
  return { people: shown, poses };
}

// Dual quaternions of the 55 joints, eight numbers each. Fingers that are not simulated bend as the hand holds.
function bonesOf(pose, held, figure, animation) {
  const { rows, parents } = animation.mesh;
  const positions = [];
  const quats = [];
  const bones = new Float32Array(8 * rows.length);
  rows.forEach((row, joint) => {
    const rest = figure.rest.subarray(3 * joint, 3 * joint + 3);
    if (row >= 0) {
      positions[joint] = pose.positions[row];
      quats[joint] = pose.quats[row];
    } else {
      const parent = parents[joint];
      const from = figure.rest.subarray(3 * parent, 3 * parent + 3);
      positions[joint] = add(positions[parent], quatRotate(quats[parent], sub(rest, from)));
      quats[joint] = joint < 25 ? quats[parent] : quatMul(quats[parent], fingerBend(joint, held, animation.fingers));
    }
    const q = quats[joint];
    const moved = sub(positions[joint], quatRotate(q, rest));
    bones.set(q, 8 * joint);
    bones.set(quatMul([0, ...moved], q).map((x) => 0.5 * x), 8 * joint + 4);
  });
  return bones;
}

function fingerBend(joint, held, fingers) {
  const hand = joint < 40 ? 0 : 1;
  const at = 4 * (joint - (hand ? 40 : 25));
  const [relaxed, closed] = fingers[hand].map((quats) => Array.from(quats.subarray(at, at + 4)));
  return quatBetween(relaxed, closed, clamp(held[hand], 0, 1));
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
