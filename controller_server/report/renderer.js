// A small WebGL 2 renderer: skinned people and rounded boxes with soft shadows, a floor that fades into the page, arrows.

const SHADOW_SIZE = 2048;
const SHADOW_HALF = 2.6;
const FINE = 4;
const COARSE = 2;
const SMALL = 0.03; // solids thinner than this need no fine mesh [m]

// A sphere whose octants can be moved apart: unit normals and, for each vertex, the corner of the core it belongs to.
function roundedBoxMesh(cells) {
  const steps = [];
  for (let k = -cells; k <= cells; k++) {
    const value = Math.tan(((k / cells) * Math.PI) / 4);
    if (k < 0) steps.push([value, -1]);
    else if (k > 0) steps.push([value, 1]);
    else steps.push([0, -1], [0, 1]);
  }
  const vertices = [];
  const indices = [];
  for (let axis = 0; axis < 3; axis++) {
    for (const side of [-1, 1]) {
      const first = vertices.length / 6;
      for (const [v, vSign] of steps) {
        for (const [u, uSign] of steps) {
          const n = [];
          const corner = [];
          [n[axis], n[(axis + 1) % 3], n[(axis + 2) % 3]] = [side, u, v];
          [corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3]] = [side, uSign, vSign];
          vertices.push(...unit(n), ...corner);
        }
      }
      const width = steps.length;
      for (let j = 0; j + 1 < width; j++) {
        for (let i = 0; i + 1 < width; i++) {
          const a = first + j * width + i;
          const [b, c, d] = [a + 1, a + width, a + width + 1];
          indices.push(...(side > 0 ? [a, b, d, a, d, c] : [a, d, b, a, c, d]));
        }
      }
    }
  }
  return { vertices: new Float32Array(vertices), indices: new Uint16Array(indices) };
}

function arrowMesh() {
  const vertices = [];
  const point = (angle, radius, along, normal) => {
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    vertices.push(x, y, radius, along, ...(normal ?? [x, y, 0.0]));
  };
  const sides = 18;
  for (let k = 0; k < sides; k++) {
    const [a, b] = [(2 * Math.PI * k) / sides, (2 * Math.PI * (k + 1)) / sides];
    const strip = (r0, z0, r1, z1, normal) => {
      point(a, r0, z0, normal), point(b, r0, z0, normal), point(b, r1, z1, normal);
      point(a, r0, z0, normal), point(b, r1, z1, normal), point(a, r1, z1, normal);
    };
    strip(0, 0, 1, 0, [0, 0, -1]);
    strip(1, 0, 1, 1);
    strip(1, 1, 2.4, 1, [0, 0, -1]);
    strip(2.4, 1, 0, 2);
  }
  return new Float32Array(vertices);
}

// The mean of the normals of the faces about each point, weighted by area; shares what the zones send twice.
function pointNormals(points, faces) {
  const normals = new Float32Array(points.length);
  for (let k = 0; k < faces.length; k += 3) {
    const [a, b, c] = [0, 1, 2].map((i) => points.subarray(3 * faces[k + i], 3 * faces[k + i] + 3));
    const n = cross(sub(b, a), sub(c, a));
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) normals[3 * faces[k + i] + j] += n[j];
  }
  for (let k = 0; k < normals.length; k += 3) normals.set(unit(normals.subarray(k, k + 3)), k);
  return normals;
}

class Renderer {
  constructor(canvas, mesh) {
    this.canvas = canvas;
    this.mesh = mesh;
    this.figures = new Map();
    const gl = canvas.getContext("webgl2", { antialias: true, alpha: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("WebGL 2 is not available");
    this.gl = gl;
    this.programs = {
      solid: this.program(SOLID_VERTEX, SOLID_FRAGMENT),
      shadow: this.program(SOLID_VERTEX, SHADOW_FRAGMENT),
      skin: this.program(SKIN_VERTEX, SOLID_FRAGMENT),
      skinShadow: this.program(SKIN_VERTEX, SHADOW_FRAGMENT),
      floor: this.program(FLOOR_VERTEX, FLOOR_FRAGMENT),
      arrow: this.program(ARROW_VERTEX, ARROW_FRAGMENT),
    };
    this.fine = this.makeSolids(FINE);
    this.coarse = this.makeSolids(COARSE);
    this.makeFloor();
    this.makeArrows();
    this.makeShadow();
  }

  program(vertex, fragment) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const uniforms = {};
    for (let k = 0; k < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); k++) {
      const name = gl.getActiveUniform(program, k).name;
      uniforms[name.replace("[0]", "")] = gl.getUniformLocation(program, name);
    }
    return { program, uniforms };
  }

  // Vertex attributes: [location, size] of one interleaved buffer; divisor 1 for instances.
  attributes(buffer, layout, divisor) {
    const gl = this.gl;
    const stride = 4 * layout.reduce((sum, [, size]) => sum + size, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    let offset = 0;
    for (const [location, size] of layout) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, stride, offset);
      gl.vertexAttribDivisor(location, divisor);
      offset += 4 * size;
    }
  }

  upload(data) {
    const gl = this.gl;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    return buffer;
  }

  makeSolids(cells) {
    const gl = this.gl;
    const mesh = roundedBoxMesh(cells);
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    this.attributes(this.upload(mesh.vertices), [[0, 3], [1, 3]], 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.indices, gl.STATIC_DRAW);
    const instances = gl.createBuffer();
    this.attributes(instances, [[2, 4], [3, 4], [4, 4], [5, 4]], 1);
    return { vao, instances, count: mesh.indices.length };
  }

  // A person's figure on the graphics card, made when first shown.
  figure(fitted) {
    if (this.figures.has(fitted)) return this.figures.get(fitted);
    const gl = this.gl;
    const { point, zone, hand, joints, weights, corners, faces } = this.mesh;
    const normals = pointNormals(fitted.points, faces);
    const smooth = new Float32Array(8 * point.length);
    const bytes = new Uint8Array(8 * point.length);
    point.forEach((from, k) => {
      smooth.set(fitted.points.subarray(3 * from, 3 * from + 3), 8 * k);
      smooth.set(normals.subarray(3 * from, 3 * from + 3), 8 * k + 3);
      smooth.set([zone[k], hand[k]], 8 * k + 6);
      bytes.set(joints.subarray(4 * from, 4 * from + 4), 8 * k);
      bytes.set(weights.subarray(4 * from, 4 * from + 4), 8 * k + 4);
    });
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    this.attributes(this.upload(smooth), [[0, 3], [1, 3], [4, 2]], 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.upload(bytes));
    gl.enableVertexAttribArray(2);
    gl.vertexAttribIPointer(2, 4, gl.UNSIGNED_BYTE, 8, 0);
    gl.enableVertexAttribArray(3);
    gl.vertexAttribPointer(3, 4, gl.UNSIGNED_BYTE, true, 8, 4);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint16Array(corners), gl.STATIC_DRAW);
    this.figures.set(fitted, { vao, count: corners.length });
    return this.figures.get(fitted);
  }

  drawPeople(name, list, values) {
    const gl = this.gl;
    for (const person of list) {
      const { vao, count } = this.figure(person.figure);
      this.use(name, values);
      const { uniforms } = this.programs[name];
      gl.uniform4fv(uniforms.bones, person.bones);
      if (uniforms.zones) gl.uniform3fv(uniforms.zones, this.mesh.colours[person.role]);
      if (uniforms.gripColour) gl.uniform3fv(uniforms.gripColour, linear(COLOURS.grip));
      if (uniforms.grips) gl.uniform2fv(uniforms.grips, person.grips);
      gl.bindVertexArray(vao);
      gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_SHORT, 0);
    }
  }

  makeFloor() {
    const gl = this.gl;
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    this.attributes(this.upload(new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1])), [[0, 2]], 0);
    this.floor = { vao };
  }

  makeArrows() {
    const gl = this.gl;
    const mesh = arrowMesh();
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    this.attributes(this.upload(mesh), [[0, 4], [1, 3]], 0);
    const instances = gl.createBuffer();
    this.attributes(instances, [[2, 4], [3, 4], [4, 3]], 1);
    this.arrow = { vao, instances, count: mesh.length / 7 };
  }

  makeShadow() {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, SHADOW_SIZE, SHADOW_SIZE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_COMPARE_MODE, gl.COMPARE_REF_TO_TEXTURE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, texture, 0);
    gl.drawBuffers([gl.NONE]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.shadow = { texture, framebuffer };
  }

  use(name, values) {
    const gl = this.gl;
    const { program, uniforms } = this.programs[name];
    gl.useProgram(program);
    for (const [key, value] of Object.entries(values)) {
      const at = uniforms[key];
      if (at === undefined || at === null) continue;
      if (typeof value === "number") gl.uniform1f(at, value);
      else if (value.length === 16) gl.uniformMatrix4fv(at, false, value);
      else if (value.length === 3) gl.uniform3fv(at, value);
      else gl.uniform4fv(at, value);
    }
    if (uniforms.shadowMap) gl.uniform1i(uniforms.shadowMap, 0);
  }

  drawSolids(list) {
    this.drawMesh(this.fine, list.filter((solid) => solid.radius >= SMALL));
    this.drawMesh(this.coarse, list.filter((solid) => solid.radius < SMALL));
  }

  drawMesh(mesh, list) {
    if (!list.length) return;
    const gl = this.gl;
    const data = new Float32Array(16 * list.length);
    list.forEach((s, k) => data.set([...s.position, s.radius, ...s.quat, ...s.core, s.glow, ...s.colour, 1], 16 * k));
    gl.bindVertexArray(mesh.vao);
    gl.bindBuffer(gl.ARRAY_BUFFER, mesh.instances);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.drawElementsInstanced(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0, list.length);
  }

  drawArrows(list, values, hidden) {
    if (!list.length) return;
    const gl = this.gl;
    const data = new Float32Array(11 * list.length);
    list.forEach((a, k) => data.set([...a.origin, a.length, ...a.direction, a.radius, ...a.colour], 11 * k));
    gl.bindVertexArray(this.arrow.vao);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.arrow.instances);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    // Twice: faintly where flesh hides them, then where it does not. Forces act inside contacts, half hidden.
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.depthFunc(gl.GREATER);
    this.use("arrow", { ...values, opacity: hidden });
    gl.drawArraysInstanced(gl.TRIANGLES, 0, this.arrow.count, list.length);
    gl.depthMask(true);
    gl.depthFunc(gl.LEQUAL);
    this.use("arrow", { ...values, opacity: 1 });
    gl.drawArraysInstanced(gl.TRIANGLES, 0, this.arrow.count, list.length);
    gl.disable(gl.BLEND);
  }

  begin(background) {
    const gl = this.gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }

  // One view. scene: {people, solids, ghosts, arrows, outside, blobs}; box: viewport in pixels; theme: colours in 0-1 sRGB.
  draw(scene, camera, box, theme) {
    const gl = this.gl;
    const sun = unit(camera.sun);
    const aim = [camera.middle[0], camera.middle[1], 0.7];
    const lightMatrix = matMul(orthographic(SHADOW_HALF, 0.5, 12), lookAt(add(aim, scaled(sun, 6)), aim));
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.depthFunc(gl.LEQUAL);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);

    gl.bindFramebuffer(gl.FRAMEBUFFER, this.shadow.framebuffer);
    gl.viewport(0, 0, SHADOW_SIZE, SHADOW_SIZE);
    gl.disable(gl.SCISSOR_TEST);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    this.use("shadow", { camera: lightMatrix });
    this.drawMesh(this.coarse, scene.solids);
    this.drawPeople("skinShadow", scene.people, { camera: lightMatrix });

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(...box);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(...box);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.shadow.texture);
    const view = matMul(perspective(camera.fieldOfView, box[2] / box[3], 0.1, 60), lookAt(camera.eye, camera.target));
    const common = { camera: view, lightMatrix, sun, eye: camera.eye, middle: camera.middle, night: theme.night };
    this.use("solid", { ...common, opacity: 1 });
    this.drawSolids(scene.solids);
    this.drawPeople("skin", scene.people, { ...common, opacity: 1 });
    this.use("floor", { ...common, ...theme, reach: camera.reach, blobs: scene.blobs });
    gl.bindVertexArray(this.floor.vao);
    gl.disable(gl.CULL_FACE);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.enable(gl.CULL_FACE);
    if (scene.ghosts.length) this.drawGhosts(scene.ghosts, common);
    gl.disable(gl.CULL_FACE);
    this.drawArrows(scene.arrows, common, 0.45);
    this.drawArrows(scene.outside, common, 0.8);
    gl.disable(gl.SCISSOR_TEST);
  }

  // Translucent people as one clean silhouette: depth first, colour after.
  drawGhosts(ghosts, common) {
    const gl = this.gl;
    gl.colorMask(false, false, false, false);
    this.drawPeople("skin", ghosts, { ...common, opacity: 1 });
    gl.colorMask(true, true, true, true);
    gl.enable(gl.BLEND);
    this.drawPeople("skin", ghosts, { ...common, opacity: 0.4 });
    gl.disable(gl.BLEND);
  }
}
