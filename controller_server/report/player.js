// The animation's state and everything that changes it: time, view, camera, theme.

const FIELD_OF_VIEW = 0.56;
const HOME_ELEVATION = 0.2;

class Player {
  constructor(data) {
    const animation = data.animation;
    this.times = unpack(animation.times);
    this.frameNumbers = unpack(animation.frameNumbers);
    this.deviation = unpack(animation.deviation);
    this.worst = animation.worst;
    this.motions = Object.fromEntries(
      Object.entries(animation.motions).map(([key, packed]) => [key, new Motion(packed, animation.parents)]),
    );
    this.effects = new Effects(animation);
    this.animation = unpackFigures(animation);
    this.duration = this.times[this.times.length - 1];
    this.time = 0;
    this.playing = false;
    this.sharpness = 1;
    this.slow = 0;
    this.view = "split";
    this.reference = "input";
    this.show = { partner: true, ground: false, outside: true };
    this.dirty = true;
    this.charts = data.curves.map((spec) => new Chart(spec, this.duration, (time) => this.seek(time)));
    byId("charts").append(...this.charts.map((chart) => chart.element));
    this.bounds = this.motions.simulated.bounds();
    this.resetCamera();
    this.follow = Math.hypot(this.bounds.high[0] - this.bounds.low[0], this.bounds.high[1] - this.bounds.low[1]) > 4;
    byId("follow").checked = this.follow;
    try {
      this.renderer = new Renderer(byId("canvas"), this.animation.mesh);
    } catch (error) {
      console.info(`no 3D view: ${error.message}`);
      byId("no-webgl").hidden = false;
    }
    this.connect();
    this.resize();
    this.loop = this.loop.bind(this);
    requestAnimationFrame(this.loop);
  }

  // Fractional index among the shown frames.
  get frame() {
    const step = this.duration / (this.times.length - 1);
    return clamp(this.time / step, 0, this.times.length - 1);
  }

  seek(time) {
    this.time = clamp(time, 0, this.duration);
    this.dirty = true;
  }

  seekFrame(frame) {
    this.seek(this.times[clamp(Math.round(frame), 0, this.times.length - 1)]);
  }

  step(frames) {
    this.setPlaying(false);
    this.seekFrame(Math.round(this.frame) + frames);
  }

  setPlaying(playing) {
    if (playing && this.time >= this.duration - 1e-6) this.time = 0;
    this.playing = playing;
    this.last = null;
    byId("play-shape").setAttribute("d", playing ? "M3.500 2h3.200v12H3.500zM9.300 2h3.200v12H9.300z" : "M4 2l10 6-10 6z");
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.dirty = true;
  }

  setView(view) {
    this.view = view;
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-checked", String(button.dataset.view === view));
    }
    byId("label-left").textContent = view === "single" ? "" : this.reference === "input" ? "Input" : "Prepared";
    byId("label-right").textContent = view === "overlay" ? `Simulated, the ${this.reference} as a ghost` : "Simulated";
    byId("view").dataset.view = view;
    this.dirty = true;
  }

  // Looks across the line between the two people, slightly from above, far enough for everything that moves.
  resetCamera() {
    const motion = this.motions.simulated;
    const middle = (this.times.length - 1) / 2;
    const [a, b] = [0, 1].map((person) => motion.pose(person, middle).positions[0]);
    const across = sub(b, a);
    const home = Math.hypot(across[0], across[1]) > 0.15 ? Math.atan2(across[1], across[0]) - Math.PI / 2 : -Math.PI / 2;
    this.azimuth = home + 0.42;
    this.sunAzimuth = home - 0.75;
    this.elevation = HOME_ELEVATION;
    const { low, high } = this.bounds;
    this.centre = [0, 1, 2].map((k) => (low[k] + high[k]) / 2);
    const wide = Math.min(Math.hypot(high[0] - low[0], high[1] - low[1]), 3.2);
    this.extent = Math.max(high[2] + 0.15, 0.66 * wide, 1.2);
    this.centre[2] = (high[2] + 0.1) / 2;
    this.zoom = 1;
    this.dirty = true;
  }

  camera(poses, aspect) {
    const middle = [...this.centre];
    if (this.follow) {
      const ends = poses.map((pose) => pose.positions[0]);
      middle[0] = (ends[0][0] + ends[1][0]) / 2;
      middle[1] = (ends[0][1] + ends[1][1]) / 2;
    }
    const fit = Math.max(1, 0.92 / aspect);
    const distance = (fit * 0.62 * this.extent) / Math.tan(FIELD_OF_VIEW / 2) / this.zoom;
    const flat = Math.cos(this.elevation);
    const offset = [flat * Math.cos(this.azimuth), flat * Math.sin(this.azimuth), Math.sin(this.elevation)];
    const eye = add(middle, scaled(offset, distance));
    eye[2] = Math.max(eye[2], 0.05);
    const sun = [0.75 * Math.cos(this.sunAzimuth), 0.75 * Math.sin(this.sunAzimuth), 1.15];
    return { eye, target: middle, middle, sun, fieldOfView: FIELD_OF_VIEW, reach: Math.max(3.2, 1.7 * this.extent) };
  }

  connect() {
    this.connectControls();
    this.connectPointer(byId("canvas"));
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(byId("view"));
    new ResizeObserver(() => this.layoutCharts()).observe(byId("charts"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme());
    this.readTheme();
    this.setView("split");
    this.readLink();
    window.addEventListener("hashchange", () => this.readLink());
  }

  // report.html#t=1.5&view=overlay opens at a moment; without a moment the animation starts by itself.
  readLink() {
    const link = new URLSearchParams(location.hash.slice(1));
    if (["split", "overlay", "single"].includes(link.get("view"))) this.setView(link.get("view"));
    if (["light", "dark"].includes(link.get("theme"))) {
      document.documentElement.dataset.theme = link.get("theme");
      this.readTheme();
    }
    const time = Number(link.get("t"));
    if (link.has("t") && Number.isFinite(time)) this.seek(time);
    else if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.setPlaying(true);
  }

  connectControls() {
    const scrub = byId("scrub");
    scrub.max = this.duration;
    scrub.addEventListener("input", () => this.seek(Number(scrub.value)));
    byId("play").addEventListener("click", () => this.setPlaying(!this.playing));
    byId("back").addEventListener("click", () => this.step(-1));
    byId("forward").addEventListener("click", () => this.step(1));
    byId("worst").addEventListener("click", () => this.goToWorst());
    byId("reset").addEventListener("click", () => this.resetCamera());
    byId("reference").addEventListener("change", (event) => {
      this.reference = event.target.value;
      this.setView(this.view);
    });
    for (const button of document.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.setView(button.dataset.view));
    }
    for (const name of Object.keys(this.show)) {
      byId(`show-${name}`).addEventListener("change", (event) => {
        this.show[name] = event.target.checked;
        this.dirty = true;
      });
    }
    byId("follow").addEventListener("change", (event) => {
      this.follow = event.target.checked;
      this.dirty = true;
    });
    byId("theme").addEventListener("click", () => {
      document.documentElement.dataset.theme = this.dark ? "light" : "dark";
      this.readTheme();
    });
  }

  goToWorst() {
    this.setPlaying(false);
    this.seekFrame(this.worst);
  }

  key(event) {
    const tag = event.target.tagName;
    const typing = tag === "SELECT" || (tag === "INPUT" && event.target.type !== "range" && event.target.type !== "checkbox");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const jump = event.shiftKey ? Math.round((0.5 * (this.times.length - 1)) / this.duration) : 1;
    const actions = {
      " ": () => tag !== "BUTTON" && event.target.type !== "checkbox" && this.setPlaying(!this.playing),
      ArrowLeft: () => this.step(-jump),
      ArrowRight: () => this.step(jump),
      Home: () => this.seek(0),
      End: () => this.seek(this.duration),
      w: () => this.goToWorst(),
      r: () => this.resetCamera(),
      1: () => this.setView("split"),
      2: () => this.setView("overlay"),
      3: () => this.setView("single"),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || action() === false) return;
    event.preventDefault();
  }

  // Drag to orbit, scroll or pinch to zoom.
  connectPointer(canvas) {
    const pointers = new Map();
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return Math.hypot(a.x - b.x, a.y - b.y);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    const release = (event) => pointers.delete(event.pointerId);
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = { x: event.clientX, y: event.clientY };
      const old = pointers.size === 2 ? spread() : 0;
      pointers.set(event.pointerId, now);
      if (pointers.size === 2) this.zoomBy(spread() / Math.max(old, 1));
      else if (pointers.size === 1) {
        this.azimuth -= (now.x - before.x) * 0.008;
        this.elevation = clamp(this.elevation + (now.y - before.y) * 0.006, -0.05, 1.5);
      }
      this.dirty = true;
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.0012));
    }, { passive: false });
  }

  zoomBy(factor) {
    this.zoom = clamp(this.zoom * factor, 0.35, 6);
    this.dirty = true;
  }

  readTheme() {
    const chosen = document.documentElement.dataset.theme;
    this.dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    byId("theme").textContent = this.dark ? "Light" : "Dark";
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => {
      const hex = style.getPropertyValue(name).trim();
      return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16) / 255);
    };
    this.theme = {
      background: colour("--stage"),
      ground: colour("--ground"),
      line: colour("--grid-line"),
      night: this.dark ? 1 : 0,
      dusk: this.dark ? 0.85 : 0.62,
    };
    this.drawStrip();
    this.dirty = true;
  }

  resize() {
    const view = byId("view");
    const canvas = byId("canvas");
    const ratio = Math.min(window.devicePixelRatio || 1, 2) * this.sharpness;
    this.stacked = matchMedia("(max-width: 520px)").matches; // as in style.css
    canvas.width = Math.max(2, Math.round(view.clientWidth * ratio));
    canvas.height = Math.max(2, Math.round(view.clientHeight * ratio));
    this.drawStrip();
    this.dirty = true;
    if (this.renderer) this.draw();
  }

  layoutCharts() {
    for (const chart of this.charts) {
      chart.layout();
      chart.setTime(this.time);
    }
  }

  // Deviation as a band under the scrub bar: pale is close, dark is far, red is over the limit.
  drawStrip() {
    const strip = byId("strip");
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    strip.width = Math.max(2, Math.round(strip.clientWidth * ratio));
    strip.height = Math.round(10 * ratio);
    const pen = strip.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const [low, high, over] = ["--strip-low", "--strip-high", "--failed"].map((name) => style.getPropertyValue(name).trim());
    for (let x = 0; x < strip.width; x++) {
      const value = this.deviation[Math.round((x / (strip.width - 1)) * (this.deviation.length - 1))];
      pen.globalAlpha = 1;
      pen.fillStyle = value > 0.25 ? over : low;
      pen.fillRect(x, 0, 1, strip.height);
      if (value > 0.25) continue;
      pen.globalAlpha = clamp(value / 0.25, 0, 1);
      pen.fillStyle = high;
      pen.fillRect(x, 0, 1, strip.height);
    }
  }

  loop(now) {
    if (this.playing) {
      const speed = Number(byId("speed").value);
      if (this.last) {
        this.time += ((now - this.last) / 1000) * speed;
        this.keepPace(now - this.last);
      }
      this.last = now;
      if (this.time >= this.duration) this.time %= this.duration;
      this.dirty = true;
    }
    if (this.dirty) this.draw();
    requestAnimationFrame(this.loop);
  }

  // Where there is no graphics card, fewer pixels: motion that stutters shows nothing.
  keepPace(milliseconds) {
    this.slow = milliseconds > 70 && milliseconds < 2000 ? this.slow + 1 : 0;
    if (this.slow < 6 || this.sharpness < 0.5) return;
    this.slow = 0;
    this.sharpness *= 0.75;
    this.resize();
  }

  scene(key, ghostKey) {
    const frame = this.frame;
    const nearest = Math.round(frame);
    const simulated = key === "simulated";
    const shown = (motion, grips) => people(this.motions[motion], frame, grips, this.animation);
    const { people: bodies, poses } = shown(key, simulated ? this.effects.gripsAt(nearest) : null);
    const effects = simulated ? this.effects.at(nearest, poses, this.show) : { arrows: [], outside: [], points: [] };
    const ghosts = ghostKey ? shown(ghostKey, null).people : [];
    const rows = [0, 7, 8, 10, 11, 20, 21];
    const blobs = new Float32Array(56);
    poses.forEach((pose, person) =>
      rows.forEach((row, k) => blobs.set([...pose.positions[row], row === 0 ? 0.26 : 0.11], 4 * (7 * person + k))),
    );
    const solids = [...propSolids(this.motions[key]), ...effects.points];
    return { people: bodies, solids, ghosts, arrows: effects.arrows, outside: effects.outside, blobs, poses };
  }

  draw() {
    this.dirty = false;
    byId("scrub").value = this.time;
    const number = this.frameNumbers[Math.round(this.frame)];
    byId("clock").textContent = `${this.time.toFixed(2)} / ${this.duration.toFixed(2)} s · frame ${number}`;
    for (const chart of this.charts) chart.setTime(this.time);
    this.showOutside(Math.round(this.frame));
    if (!this.renderer) return;
    const { width, height } = byId("canvas");
    this.renderer.begin(this.theme.background);
    const simulated = this.scene("simulated", this.view === "overlay" ? this.reference : null);
    if (this.view === "split") {
      const [across, down] = [Math.floor(width / 2), Math.floor(height / 2)];
      const first = this.stacked ? [0, height - down, width, down] : [0, 0, across, height];
      const second = this.stacked ? [0, 0, width, height - down] : [across, 0, width - across, height];
      const camera = this.camera(simulated.poses, first[2] / first[3]);
      this.renderer.draw(this.scene(this.reference, null), camera, first, this.theme);
      this.renderer.draw(simulated, camera, second, this.theme);
    } else {
      this.renderer.draw(simulated, this.camera(simulated.poses, width / height), [0, 0, width, height], this.theme);
    }
  }

  showOutside(frame) {
    const badge = byId("outside");
    const parts = ROLES.map((role, person) => [role, length(this.effects.wrenchAt(frame, person))]).filter(([, f]) => f > 0.5);
    badge.hidden = !parts.length;
    badge.textContent = `Outside help: ${parts.map(([role, force]) => `${force.toFixed(0)} N on the ${role}`).join(", ")}`;
  }

  // What is on the canvas now: how many different colours, and a number that changes with the picture.
  probe() {
    this.draw();
    const gl = this.renderer.gl;
    const { width, height } = byId("canvas");
    const pixels = new Uint8Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const colours = new Set();
    let hash = 0;
    for (let k = 0; k < pixels.length; k += 4) {
      const colour = (pixels[k] << 16) | (pixels[k + 1] << 8) | pixels[k + 2];
      colours.add(colour);
      hash = (Math.imul(hash, 31) + colour) | 0;
    }
    return { colours: colours.size, hash, error: gl.getError() };
  }
}

function start() {
  const root = document.documentElement;
  window.addEventListener("error", (event) => (root.dataset.error = event.message));
  const data = JSON.parse(byId("data").textContent);
  fillHeading(data);
  fillScores(data.scores);
  fillAttempts(data.attempts);
  fillDetails(data);
  const player = new Player(data);
  player.layoutCharts();
  player.draw();
  window.assistmimic = player;
  root.dataset.ready = "1";
}

start();
