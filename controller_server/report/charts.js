// Curves as SVG: one axis pair each, a cursor in step with the animation, click or drag to move it.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 24 };

function svg(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// Round numbers that cover a range in about `count` steps.
function ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = power * [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(k * step);
  return out;
}

const shortNumber = (x) => (Math.abs(x) >= 100 ? x.toFixed(0) : Math.abs(x) >= 10 ? x.toFixed(1) : x.toFixed(2));
const tickNumber = (x) => String(Number(x.toPrecision(6))).replace("-", "−");

class Chart {
  constructor(spec, duration, onSeek) {
    this.spec = spec;
    this.duration = duration;
    this.series = spec.series.map((s) => ({ ...s, time: unpack(s.time), values: unpack(s.values) }));
    this.element = document.createElement("figure");
    this.element.className = spec.outside ? "chart outside" : "chart";
    const caption = document.createElement("figcaption");
    const title = document.createElement("strong");
    title.textContent = spec.title;
    const unitText = document.createElement("span");
    unitText.className = "unit";
    unitText.textContent = spec.unit;
    this.readout = document.createElement("span");
    this.readout.className = "readout";
    caption.append(title, unitText, this.readout);
    this.svg = svg("svg", { height: HEIGHT, role: "img", "aria-label": spec.title });
    const hint = document.createElement("p");
    hint.textContent = spec.hint;
    this.element.append(caption, this.svg, hint);
    const seek = (event) => onSeek(this.timeAt(event.clientX));
    this.svg.addEventListener("pointerdown", (event) => {
      this.svg.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.svg.addEventListener("pointermove", (event) => event.buttons && seek(event));
  }

  timeAt(clientX) {
    const box = this.svg.getBoundingClientRect();
    const inner = box.width - MARGIN.left - MARGIN.right;
    return (clamp((clientX - box.left - MARGIN.left) / inner, 0, 1)) * this.duration;
  }

  range() {
    let [low, high] = [0, 0];
    for (const s of this.series) {
      for (const v of s.values) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    if (this.spec.limit) high = Math.max(high, this.spec.limit.value);
    if (high - low < 1e-9) high = low + 1;
    const pad = 0.08 * (high - low);
    return [low < 0 ? low - pad : 0, high + pad];
  }

  layout() {
    const width = this.element.clientWidth || 520;
    const root = this.svg;
    root.replaceChildren();
    root.setAttribute("width", width);
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const [low, high] = this.range();
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    this.x = (t) => MARGIN.left + (t / this.duration) * inner.width;
    this.y = (v) => MARGIN.top + (1 - (v - low) / (high - low)) * inner.height;
    for (const v of ticks(low, high, 4)) {
      svg("line", { class: v === 0 ? "axis" : "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: this.y(v), y2: this.y(v) }, root);
      svg("text", { class: "tick", x: MARGIN.left - 8, y: this.y(v) + 3.5, "text-anchor": "end" }, root, tickNumber(v));
    }
    for (const t of ticks(0, this.duration, Math.max(2, Math.min(8, Math.floor(inner.width / 70))))) {
      svg("text", { class: "tick", x: this.x(t), y: HEIGHT - 6, "text-anchor": "middle" }, root, `${tickNumber(t)} s`);
    }
    for (const style of ["area", "dot", "dash", "line"]) {
      for (const s of this.series) if (s.style === style) this.drawSeries(root, s);
    }
    this.drawLimit(root, width);
    if (this.spec.zero) {
      const place = { class: "zero", x: MARGIN.left + inner.width / 2, y: MARGIN.top + inner.height / 2, "text-anchor": "middle" };
      svg("text", place, root, this.spec.zero);
    }
    this.cursor = svg("line", { class: "cursor", y1: MARGIN.top - 4, y2: HEIGHT - MARGIN.bottom }, root);
    this.dots = this.series.map((s) => svg("circle", { class: `point ${s.colour}`, r: 3.5 }, root));
  }

  drawLimit(root, width) {
    const limit = this.spec.limit;
    if (!limit) return;
    const y = this.y(limit.value);
    const kind = limit.neutral ? "limit neutral" : "limit";
    svg("line", { class: kind, x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }, root);
    svg("text", { class: `${kind} text`, x: width - MARGIN.right, y: y - 5, "text-anchor": "end" }, root, limit.label);
  }

  drawSeries(root, s) {
    let path = "";
    for (let k = 0; k < s.values.length; k++) path += `${k ? "L" : "M"}${this.x(s.time[k]).toFixed(1)} ${this.y(s.values[k]).toFixed(1)}`;
    if (s.style === "area") {
      const base = this.y(0).toFixed(1);
      const [start, end] = [this.x(s.time[0]).toFixed(1), this.x(s.time[s.time.length - 1]).toFixed(1)];
      svg("path", { class: `area ${s.colour}`, d: `${path}L${end} ${base}L${start} ${base}Z` }, root);
    }
    svg("path", { class: `curve ${s.style} ${s.colour}`, d: path }, root);
  }

  setTime(time) {
    if (!this.cursor) return;
    const x = this.x(time);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    const texts = this.series.map((s, k) => {
      const value = valueAt(s, time);
      this.dots[k].setAttribute("cx", x);
      this.dots[k].setAttribute("cy", this.y(value));
      return [s, shortNumber(value).replace("-", "−")];
    });
    this.readout.replaceChildren(
      ...texts.filter(([s]) => s.style !== "dash" && s.style !== "dot").map(([s, text]) => {
        const span = document.createElement("span");
        span.className = s.colour + (s.style === "area" && !this.spec.outside ? " soft" : "");
        span.title = s.name;
        span.textContent = text;
        return span;
      }),
    );
  }
}

function valueAt(series, time) {
  const { time: t, values } = series;
  const last = t.length - 1;
  if (time <= t[0]) return values[0];
  if (time >= t[last]) return values[last];
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (t[middle] <= time) low = middle;
    else high = middle;
  }
  const share = (time - t[low]) / (t[high] - t[low]);
  return values[low] * (1 - share) + values[high] * share;
}
