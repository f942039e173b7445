// Everything on the page that is text. Data only ever enters as text, never as markup.

const byId = (id) => document.getElementById(id);

function element(name, className, text, children = []) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
}

const BADGES = { carried: "✓", assisted: "!", failed: "✕" };

function fillHeading(data) {
  byId("title").textContent = data.title;
  const facts = data.facts.map((text) => element("span", "", text));
  if (data.source) facts.push(element("span", "source", data.source));
  byId("facts").append(...facts);
  byId("verdict").classList.add(data.verdict.level);
  byId("badge").textContent = BADGES[data.verdict.level];
  byId("headline").textContent = data.verdict.headline;
  byId("detail").textContent = data.verdict.detail;
  const { faults, moments, remarks } = data.verdict;
  byId("faults").hidden = !faults.length && !remarks.length;
  const lines = faults.map((text, k) =>
    element("li", "fault", `${text} `, moments[k] === null ? [] : [momentButton(moments[k])]),
  );
  byId("faults").append(...folded(lines, SHOWN_FAULTS), ...remarks.map((text) => element("li", "remark", text)));
  byId("changes").append(...data.changes.map(changeLine));
  byId("tiles").append(
    ...data.tiles.map((tile) =>
      element("div", `tile ${tile.tone ?? ""}`, null, [
        element("div", "tile-label", tile.label),
        element("div", "tile-value", tile.value, tile.unit ? [element("small", "", tile.unit)] : []),
        element("div", "tile-hint", tile.hint),
      ]),
    ),
  );
  const notice = (kind) => (text) => element("p", `notice ${kind}`, text);
  byId("notices").append(...data.warnings.map(notice("warning")), ...data.notes.map(notice("note")));
}

const SHOWN_FAULTS = 4;

// The first lines, and a button that unfolds the rest; one line more is shown as it is.
function folded(lines, shown) {
  if (lines.length <= shown + 1) return lines;
  const rest = lines.slice(shown);
  const button = element("button", "moment", `and ${rest.length} more`);
  button.type = "button";
  const item = element("li", "fault", null, [button]);
  for (const line of rest) line.hidden = true;
  button.addEventListener("click", () => {
    for (const line of rest) line.hidden = false;
    item.remove();
  });
  return [...lines, item];
}

function momentButton(time) {
  const button = element("button", "moment", "show");
  button.type = "button";
  button.title = `Go to ${time.toFixed(1)} s`;
  button.addEventListener("click", () => {
    window.assistmimic.seek(time);
    byId("stage").scrollIntoView({ block: "nearest" });
  });
  return button;
}

const SIGNS = { better: "▲ better", worse: "▼ worse", same: "unchanged", fine: "✓ as it should be", amber: "▼ a little worse" };

function changeLine(line) {
  return element("div", `change ${line.tone}`, null, [
    element("div", "change-label", line.label),
    element("div", "change-values", null, [
      element("span", "before", line.before),
      arrowText(),
      element("span", "after", line.after),
      element("small", "", line.unit),
    ]),
    element("div", "change-sign", SIGNS[line.tone]),
    element("div", "change-hint", line.hint),
  ]);
}

function fillScores(groups) {
  const head = element("thead", "", null, [
    element("tr", "", null, [
      element("th", "", ""),
      spanned(element("th", "supporter", "Supporter"), 2),
      spanned(element("th", "recipient", "Recipient"), 2),
      element("th", "", ""),
    ]),
    element("tr", "minor", null, ["", "input", "simulated", "input", "simulated", ""].map((t) => element("th", "", t))),
  ]);
  const bodies = groups.map((group) =>
    element("tbody", "", null, [
      element("tr", "cluster", null, [spanned(element("th", "", group.name), 6)]),
      ...group.rows.map(scoreRow),
    ]),
  );
  byId("scores").append(head, ...bodies);
}

function spanned(cell, columns) {
  cell.colSpan = columns;
  return cell;
}

function scoreRow(row) {
  const label = element("th", "name", row.label, [element("small", "", row.hint)]);
  label.scope = "row";
  const cells = row.pair
    ? [spanned(element("td", "pair", null, [element("span", "before", row.pair[0]), arrowText(), element("span", `after ${row.pair[2]}`, row.pair[1])]), 4)]
    : row.people.flatMap(([before, after, tone]) => [element("td", "before", before), element("td", `after ${tone}`, after)]);
  return element("tr", "", null, [label, ...cells, element("td", "unit", row.unit)]);
}

const arrowText = () => element("span", "to", "→");

function fillAttempts(attempts) {
  byId("attempts-section").hidden = !attempts.length;
  byId("attempts").append(
    ...attempts.map((attempt) =>
      element("li", attempt.success ? "success" : "failure", null, [
        element("span", "attempt-name", attempt.name),
        element("span", "outcome", attempt.success ? "succeeded" : "failed"),
        element("span", "reason", attempt.reason),
        element("span", "seconds", attempt.seconds),
      ]),
    ),
  );
}

const detailRow = ([key, value]) =>
  value === undefined ? [element("dd", "whole", key)] : [element("dt", "", key), element("dd", "", value)];

function fillDetails(data) {
  const parts = [
    ["What prepare changed", data.prepare],
    ["Settings", data.settings],
    ["Versions", data.versions],
  ];
  byId("details").append(
    ...parts
      .filter(([, rows]) => rows.length)
      .map(([name, rows]) =>
        element("div", "card", null, [
          element("h2", "", name),
          element("dl", "", null, rows.flatMap(detailRow)),
        ]),
      ),
  );
  byId("outside-key").hidden = data.verdict.level !== "assisted" && data.verdict.level !== "failed";
  byId("footer").textContent =
    "Deviation: mean distance of 16 bodies to the prepared clip; over 25 cm the clip is lost. " +
    "Keys: space play, ← → step, shift ← → half a second, home and end, W worst frame, R camera, 1 2 3 views.";
}
