"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const columns = [
    ["picture", "input, simulated", ""], ["name", "clip", ""], ["verdict", "verdict", ""], ["controller", "controller", ""],
    ["mpjpe_mm", "MPJPE mm", 0], ["deviation_max_mm", "largest deviation mm", 0], ["max_wrench_n", "outside help N", 0],
    ["foot_skate_cm_s", "skating cm/s", 1], ["slip_worst_cm", "farthest slip cm", 1], ["holds_kept", "holds kept %", 0],
    ["duration_s", "clip s", 1], ["seconds", "took s", 1],
  ];
  const words = { success: "success", assisted: "assisted", failed: "failed", error: "error", missing: "not yet" };
  const rank = { success: 0, assisted: 1, failed: 2, error: 3, missing: 4 };
  const wordOf = (row) => row.verdict || row.end;
  const state = { sort: "name", down: false, show: new Set() };

  const add = (parent, tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    parent.append(made);
    return made;
  };
  const link = (parent, path, text) => {
    const made = add(parent, "a", text);
    made.href = path;
    return made;
  };

  at("title").textContent = data.title;
  const s = data.summary;
  const share = s.carried_share === null ? "" : ` (${Math.round(100 * s.carried_share)} %)`;
  at("facts").textContent = `${s.ended} of ${s.clips} clips ended: ${s.results} results, ${s.carried} of them carried${share}; ` +
    `failures: ${s.failures}, errors: ${s.errors}` +
    (s.clips_per_core_hour ? `; ${Math.round(s.clips_per_core_hour)} clips per core-hour` : "");

  for (const key of Object.keys(words)) {
    const count = data.rows.filter((row) => wordOf(row) === key).length;
    if (!count) continue;
    const button = add(at("ends"), "button", `${words[key]} ${count}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      state.show.has(key) ? state.show.delete(key) : state.show.add(key);
      button.setAttribute("aria-pressed", String(state.show.has(key)));
      draw();
    });
  }

  for (const [key, title, digits] of columns) {
    const head = add(at("head"), "th", undefined, digits === "" ? "" : "number");
    if (key === "picture") { head.textContent = title; continue; }
    const button = add(head, "button", title);
    button.type = "button";
    button.addEventListener("click", () => {
      state.down = state.sort === key ? !state.down : false;
      state.sort = key;
      for (const other of at("head").children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      draw();
    });
  }

  const value = (row) => state.sort === "verdict" ? rank[wordOf(row)] : row[state.sort];
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || x === undefined || x === "") return 1;  // what is not known comes last either way
    if (y === null || y === undefined || y === "") return -1;
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return state.down ? -order : order;
  };

  const drawRow = (row) => {
    const line = add(at("body"), "tr");
    const picture = add(line, "td");
    if (row.picture) {
      const image = document.createElement("img");
      image.loading = "lazy";
      image.src = row.picture;
      image.alt = "";
      (row.report ? link(picture, row.report) : picture).append(image);
    }
    const name = add(line, "td");
    row.report ? link(name, row.report, row.name) : add(name, "span", row.name);
    for (const path of row.motion) {
      add(name, "br");
      link(name, path, decodeURIComponent(path.split("/").pop()));
    }
    const said = add(line, "td", undefined, "said");
    add(said, "strong", words[wordOf(row)], wordOf(row));
    add(said, "div", row.headline || row.message || "");
    if (row.faults.length) {
      const list = add(said, "ul");
      for (const fault of row.faults) add(list, "li", fault);
    }
    add(line, "td", [row.controller, row.policy].filter(Boolean).join(", "));
    for (const [key, , digits] of columns.slice(4)) {
      const number = row[key];
      const scaled = key === "holds_kept" && number !== null ? 100 * number : number;
      add(line, "td", scaled === null || scaled === undefined ? "–" : scaled.toFixed(digits), "number");
    }
  };

  const draw = () => {
    const sought = at("find").value.trim().toLowerCase();
    const text = (row) => [row.name, row.headline, row.message, row.controller, row.policy, ...row.faults].join("\n").toLowerCase();
    const rows = data.rows
      .filter((row) => !state.show.size || state.show.has(wordOf(row)))
      .filter((row) => !sought || text(row).includes(sought))
      .sort(compare);
    at("body").replaceChildren();
    rows.forEach(drawRow);
    at("shown").textContent = `${rows.length} shown`;
  };
  at("find").addEventListener("input", draw);
  draw();
})();
