// Vectors, quaternions (w, x, y, z) and column-major 4 x 4 matrices. Z is up.

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const scaled = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const length = (a) => Math.hypot(a[0], a[1], a[2]);
const unit = (a) => scaled(a, 1 / Math.max(length(a), 1e-9));
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

function quatMul(a, b) {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

function quatRotate(q, v) {
  const u = [q[1], q[2], q[3]];
  const t = scaled(cross(u, v), 2);
  return add(add(v, scaled(t, q[0])), cross(u, t));
}

// Rotation that turns +z to a direction.
function quatFromZ(direction) {
  if (direction[2] < -0.9999) return [0, 1, 0, 0];
  const q = [1 + direction[2], -direction[1], direction[0], 0];
  const size = Math.hypot(...q);
  return q.map((x) => x / size);
}

// Between two quaternions that are one frame apart, normalised linear interpolation is as good as spherical.
function quatBetween(a, b, t) {
  const sign = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] < 0 ? -t : t;
  const q = a.map((x, k) => x * (1 - t) + b[k] * sign);
  const size = Math.hypot(...q) || 1;
  return q.map((x) => x / size);
}

function matMul(a, b) {
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) out[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return out;
}

function lookAt(eye, target) {
  const back = unit(sub(eye, target));
  const right = unit(cross([0, 0, 1], back));
  const up = cross(back, right);
  return new Float32Array([
    right[0], up[0], back[0], 0,
    right[1], up[1], back[1], 0,
    right[2], up[2], back[2], 0,
    -dot(right, eye), -dot(up, eye), -dot(back, eye), 1,
  ]);
}

function perspective(fieldOfView, aspect, near, far) {
  const f = 1 / Math.tan(fieldOfView / 2);
  const depth = near - far;
  return new Float32Array([f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (near + far) / depth, -1, 0, 0, (2 * near * far) / depth, 0]);
}

function orthographic(half, near, far) {
  const depth = near - far;
  return new Float32Array([1 / half, 0, 0, 0, 0, 1 / half, 0, 0, 0, 0, 2 / depth, 0, 0, 0, (near + far) / depth, 1]);
}

// Numbers packed as base64 by data.py.
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  if (packed.type === "u1") return bytes;
  const view = new DataView(bytes.buffer);
  const size = Number(packed.type[1]);
  const out = packed.type === "f4" ? new Float32Array(bytes.length / 4) : new Int32Array(bytes.length / size);
  for (let k = 0; k < out.length; k++) {
    if (packed.type === "f4") out[k] = view.getFloat32(4 * k, true);
    else out[k] = size === 2 ? view.getInt16(2 * k, true) : view.getInt32(4 * k, true);
  }
  return out;
}
