"use strict";
const every = (selector, root = document) => [...root.querySelectorAll(selector)];

// What the reader chose: track, metric, conditions, detectors, and the one condition beside clean. It
// stands in the page's address, as #track=neural&detectors=a,b, and in "Link to this view".
const asked = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
const data = JSON.parse(document.getElementById("data").textContent);
const state = { track: null, detectors: null, condition: null, loss: asked.get("show") === "loss", only: asked.get("only") || "" };
let ready = false;  // before, the address stays as it came
const permalink = document.getElementById("permalink");
const remember = () => {
  const query = new URLSearchParams();
  if (state.track !== null) query.set("track", state.track);
  if (state.detectors !== null) query.set("detectors", [...state.detectors].map((n) => data.detectors[n]).join(","));
  if (state.condition !== null) query.set("condition", data.names[state.condition]);
  if (state.loss) query.set("show", "loss");
  if (state.only) query.set("only", state.only);
  permalink.href = `#${query}`;
  for (const link of every("a[data-scope]")) link.hash = query;
  if (ready) history.replaceState(null, "", `#${query}`);
};
permalink.hidden = false;

// The page of the other scope opens at the same view, and at the part that is being read.
for (const link of every("a[data-scope]"))
  link.addEventListener("click", () => {
    const part = document.querySelector(".toc [aria-current]")?.hash.slice(1);
    const below = part && scrollY > document.querySelector("header").offsetHeight;
    link.hash = permalink.hash + (below ? `&at=${part}` : "");
  });

// Folded parts open when a link leads into them.
const reveal = (name) => {
  const target = name === "" ? null : document.getElementById(name);
  for (let part = target; part; part = part.parentElement)
    if (part.tagName === "DETAILS") part.open = true;
  return target;
};
const follow = () => {
  const name = decodeURIComponent(location.hash.slice(1));
  if (!name.includes("=")) reveal(name)?.scrollIntoView();
};
addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link !== permalink) reveal(decodeURIComponent(link.hash.slice(1)));
});

// Tables: a button in every header sorts, best first; cells without a value stay last.
for (const table of every("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.hasAttribute("data-plain")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.first || "ascending";
      const up = (head.getAttribute("aria-sort") === first) !== (first === "ascending");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        return "v" in cell.dataset ? cell.dataset.v : cell.textContent.trim();
      };
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const sign = up ? 1 : -1;
        return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y, "en", { numeric: true }) : x - y);
      };
      fold(table);
      for (const body of table.tBodies)
        body.append(...[...body.rows].filter((row) => !row.classList.contains("head")).sort(order));
      table.classList.toggle("reordered", column > 0 || !up);  // brackets join rows by rank
    });
  });
}

// Filters: rows whose header cells hold the text; a family's head goes with its last row.
const filter = (table, text) => {
  let shown = 0, all = 0;
  for (const body of table.tBodies) {
    const head = body.querySelector(".head");
    const family = head ? head.cells[0].textContent.toLowerCase() : "";
    let left = 0;
    for (const row of body.rows) {
      if (row === head) continue;
      const names = [...row.cells].filter((cell) => cell.tagName === "TH");
      const words = names.map((cell) => `${cell.textContent} ${cell.title}`).join(" ").toLowerCase();
      row.hidden = text !== "" && !words.includes(text) && !family.includes(text);
      left += !row.hidden;
      all += 1;
    }
    if (head) head.hidden = left === 0;
    body.classList.toggle("shut", text === "" && body.dataset.shut === "yes");
    shown += left;
  }
  return text === "" ? "" : `${shown} of ${all} shown`;
};
for (const field of every("input[data-filter]")) {
  const said = field.closest(".tools").querySelector("output");
  field.addEventListener("input", () => {
    said.textContent = filter(document.getElementById(field.dataset.filter), field.value.trim().toLowerCase());
  });
}

// Heatmap: a family's conditions fold under its mean; in large tables they start folded.
for (const table of every("table.heat")) {
  const families = [...table.tBodies].filter((body) => body.classList.contains("family"));
  const large = families.reduce((sum, body) => sum + body.rows.length - 1, 0) > 60;
  for (const body of families) {
    const head = body.rows[0].cells[0];
    const button = document.createElement("button");
    const set = (shut) => {
      body.dataset.shut = shut ? "yes" : "no";
      body.classList.toggle("shut", shut);
      button.setAttribute("aria-expanded", String(!shut));
    };
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => set(!body.classList.contains("shut")));
    set(large);
  }
}

// Metric: EER, or its excess over the detector's clean EER in points, in every shaded cell; the
// leaderboard is in its order.
const percent = (rate) => (rate === null ? "–" : (100 * rate).toFixed(1));
const cells = every("td[data-loss]").map((cell) => {
  const text = [...cell.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
  const [loss, shade] = cell.dataset.loss.split(" ");
  return {
    cell, text,
    eer: [text.data, cell.className, cell.dataset.v],
    loss: [loss, cell.className.replace(/\bh\d+\b/, shade), loss.replace("−", "-").replace("+", "")],
  };
});

// Severity curves as loss: the same charts again, drawn from the heights that every line carries, on
// the axis of their track.
const twins = new Map(every("[data-axis] figure svg").map((chart) => [chart, null]));
const asLoss = (chart) => {
  const twin = chart.cloneNode(true);
  const label = twin.getAttribute("aria-label");
  twin.setAttribute("aria-label", label.replace("EER of every detector", "Loss in points of every detector"));
  for (const part of every(".grid, .guess, text[x='24']", twin)) part.remove();
  const ticks = chart.closest("[data-axis]").dataset.axis.split(";").map((tick) => tick.split(" "));
  twin.insertAdjacentHTML("afterbegin", ticks.map(([y, text]) => `<path class="grid${text === "0" ? " zero" : ""}" d="M30 ${+y + 8}h300"/><text x="24" y="${+y + 12}" text-anchor="end">${text}</text>`).join(""));
  for (const line of every("g[data-s]", twin)) {
    const [heights = [], below = [], above = []] = (line.dataset.loss ?? "").split(";").map((list) => list.split(","));
    const levels = heights.map((_, level) => level).filter((level) => heights[level]);
    const sure = levels.filter((level) => below[level]);
    const at = (level, off = 0) => `${Math.round((300 * level) / (heights.length - 1))} ${heights[level] - off}`;
    const path = (points) => (points.length ? `M${points.join("L")}` : "");
    line.querySelector(".line").setAttribute("d", path(levels.map((level) => at(level))));
    const edge = [...sure.map((level) => at(level, above[level])), ...sure.map((level) => at(level, -below[level])).reverse()];
    line.querySelector(".band")?.setAttribute("d", sure.length > 1 ? `${path(edge)}z` : "");
    for (const dots of every(".dots, .hollow", line))
      dots.setAttribute("d", dots.getAttribute("d").replace(/M(\d+) -?\d+h0/g, (_, x) => {
        const level = Math.round((x * (heights.length - 1)) / 300);
        return heights[level] ? `M${at(level)}h0` : "";
      }));
  }
  chart.after(twin);
  return twin;
};
const showMetric = (name) => {
  const was = state.loss;
  state.loss = name === "loss";
  for (const { cell, text, [name]: face } of cells) {
    [text.data, cell.className] = face;
    if ("v" in cell.dataset) cell.dataset.v = face[2];
  }
  for (const button of every("[data-show]"))
    button.setAttribute("aria-pressed", String(button.dataset.show === name));
  for (const part of every("[data-of]")) part.hidden = part.dataset.of !== name;
  for (const [chart, drawn] of twins) {
    const twin = drawn ?? (state.loss ? asLoss(chart) : null);
    if (twin === null) continue;
    twins.set(chart, twin);
    chart.toggleAttribute("hidden", state.loss);
    twin.toggleAttribute("hidden", !state.loss);
  }
  for (const button of every(`.board [data-metric="${name}"] button`))
    if (was !== state.loss) {
      button.closest("th").removeAttribute("aria-sort");
      button.click();
    }
  remember();
};
for (const button of every("[data-show]")) button.addEventListener("click", () => showMetric(button.dataset.show));
every(".metric").forEach((group) => { group.hidden = false; });

// Conditions: those with the words, in every section that shows one row or picture for each.
const only = document.getElementById("only");
const showOnly = (words) => {
  state.only = words.trim();
  const text = state.only.toLowerCase();
  const said = every("table.conditions").map((table) => [table, filter(table, text)]);
  for (const part of every("[data-words], [data-sample]"))
    part.hidden = text !== "" && !(part.dataset.words ?? `${part.dataset.sample} ${part.textContent}`).toLowerCase().includes(text);
  const [, now] = said.find(([table]) => !table.closest("[hidden]")) ?? said[0];
  document.getElementById("only-count").textContent = now.replace(" shown", "");
  remember();
};
only.addEventListener("input", () => showOnly(only.value));

// Tracks: one at a time, the same one in every part of the page.
const tracks = Object.keys(data.tracks);
const showTrack = (chosen) => {
  state.track = chosen;
  for (const part of every(".track")) part.hidden = part.dataset.track !== chosen;
  for (const button of every(".tabs button"))
    button.setAttribute("aria-pressed", String(button.textContent === chosen));
  remember();
};
if (every(".tabs button").length) {
  document.documentElement.classList.add("one-track");
  for (const button of every(".tabs button"))
    button.addEventListener("click", () => showTrack(button.textContent));
  for (const tabs of every(".tabs")) tabs.hidden = false;
  showTrack(tracks.includes(asked.get("track")) ? asked.get("track") : every(".tabs button")[0].textContent);
}

// Labels of points: moved down, from top to bottom, until none lies on another.
const spread = () => {
  for (const chart of every("svg:has(.point)")) {
    const placed = [];
    const labels = every(".point:not(.off) text", chart);
    for (const label of labels) label.setAttribute("y", label.dataset.y ??= label.getAttribute("y"));
    for (const label of labels.sort((a, b) => a.dataset.y - b.dataset.y)) {
      const wide = 6.4 * label.textContent.length;
      const end = label.getAttribute("text-anchor") === "end";
      const left = Number(label.getAttribute("x")) - (end ? wide : 0);
      let y = Number(label.dataset.y);
      for (const other of placed)
        if (left < other.left + other.wide && other.left < left + wide && y < other.y + 12) y = other.y + 12;
      label.setAttribute("y", y);
      placed.push({ left, wide, y });
    }
  }
};

// Detectors: ticks in the leaderboard choose those that everything below it shows.
const numbers = data.detectors.map((_, number) => number);
const many = numbers.length > 8;  // at first, four are shown, so an address that names none means these
const showDetectors = (chosen) => {
  state.detectors = chosen.size === numbers.length && !many ? null : chosen;
  const off = (number) => !chosen.has(Number(number));
  for (const mark of every("[data-s]")) mark.classList.toggle("off", off(mark.dataset.s));
  for (const mark of every("[data-mark]")) mark.classList.toggle("off", off(mark.dataset.mark));
  spread();
  for (const item of every("[data-series]")) item.hidden = off(item.dataset.series);
  for (const row of every("tr[data-name]")) row.hidden = off(data.detectors.indexOf(row.dataset.name));
  for (const row of every("tr[data-pair]")) row.hidden = row.dataset.pair.split(" ").some(off);
  for (const table of every("table[data-columns]")) {
    const skip = Number(table.dataset.skip);
    table.dataset.columns.split(" ").forEach((number, column) => {
      for (const row of table.rows)
        if (row.cells[skip + column]) row.cells[skip + column].hidden = off(number);
    });
  }
  for (const box of every(".board input")) box.checked = chosen.has(Number(box.value));
  document.getElementById("chosen-count").textContent = `${chosen.size} of ${numbers.length} detectors`;
  remember();
};
for (const row of every(".board tr[data-d]")) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.autocomplete = "off";
  box.value = row.dataset.d;
  box.setAttribute("aria-label", `show ${data.detectors[row.dataset.d]} below`);
  row.querySelector(".name").prepend(box);
  box.addEventListener("change", () => {
    const chosen = new Set(state.detectors || numbers);
    if (box.checked) chosen.add(Number(box.value)); else chosen.delete(Number(box.value));
    showDetectors(chosen.size ? chosen : new Set(numbers));
  });
}
const top4 = () => {
  const board = every(".board").find((table) => !table.closest("[hidden]"));
  const ranked = every("tbody:not(.floor) tr[data-d]", board).map((row) => Number(row.dataset.d));
  return new Set([...ranked.slice(0, 4), ...data.baselines.map((name) => data.detectors.indexOf(name))]);
};
for (const button of every("[data-choose]"))
  button.addEventListener("click", () => showDetectors(button.dataset.choose === "all" ? new Set(numbers) : top4()));
const named = `,${asked.get("detectors") || ""},`;  // a fusion has commas in its own name, before spaces
const wanted = new Set(numbers.filter((number) => named.includes(`,${data.detectors[number]},`)));
showDetectors(wanted.size ? wanted : many ? top4() : new Set(numbers));

// A detector's profile opens below its row; without a script its name leads to it.
const fold = (table) => {
  for (const row of every("tr.inline", table)) {
    row.profile.append(...row.cells[0].childNodes);
    row.previousSibling.querySelector(".name > a").setAttribute("aria-expanded", "false");
    row.remove();
  }
};
for (const link of every(".board .name > a")) {
  link.setAttribute("role", "button");
  link.setAttribute("aria-expanded", "false");
  const toggle = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const row = link.closest("tr");
    const open = row.nextSibling?.classList?.contains("inline");
    fold(row.closest("table"));
    if (open) return;
    const profile = document.getElementById(link.hash.slice(1));
    const below = document.createElement("tr");
    const cell = document.createElement("td");
    below.className = "inline";
    below.profile = profile;
    cell.colSpan = row.cells.length;
    cell.append(...[...profile.childNodes].filter((node) => node.tagName !== "SUMMARY"));
    below.append(cell);
    row.after(below);
    link.setAttribute("aria-expanded", "true");
  };
  link.addEventListener("click", toggle);
  link.addEventListener("keydown", (event) => { if (event.key === " ") toggle(event); });
}

// Legends: pointing at a detector dims the others.
for (const item of every("[data-series]")) {
  const dim = (on) => {
    for (const mark of every("[data-s]"))
      mark.classList.toggle("dim", on && mark.dataset.s !== item.dataset.series);
  };
  item.addEventListener("pointerenter", () => dim(true));
  item.addEventListener("pointerleave", () => dim(false));
}

// One condition beside clean: each track's worst at first, then the chosen one on every track that
// holds it; all choosers of a track show the same.
const draw = {
  eer: (mark, rate) => { mark.textContent = percent(rate); },
  counts: (mark, counts) => {
    const place = Number(mark.dataset.n);
    const total = counts === null ? 0 : counts[place] + counts[place ^ 1];
    const share = total ? counts[place] / total : null;
    mark.style.setProperty("--share", share ?? 0);
    mark.querySelector("b").textContent = percent(share);
    mark.querySelector("small").textContent = counts === null ? "" : counts[place];
  },
};
const choose = (place) => {
  for (const part of every(".track")) {
    const { places, worst, cells } = data.tracks[part.dataset.track];
    const at = places.indexOf(place);
    if (at < 0) continue;
    for (const name of every(".chosen-name", part)) name.textContent = data.names[place];
    for (const why of every(".chosen-why", part)) why.hidden = place !== worst;
    for (const mark of every(".chosen [data-k]", part)) {
      const value = cells[mark.dataset.k][mark.dataset.i ?? mark.dataset.s][at];
      (draw[mark.dataset.k] || ((path, d) => path.setAttribute("d", d)))(mark, value);
    }
    for (const other of every("select.choose", part)) other.value = String(place);
  }
  state.condition = place;
  remember();
};
for (const select of every("select.choose"))
  select.addEventListener("change", () => choose(Number(select.value)));
if (data.names.includes(asked.get("condition"))) choose(data.names.indexOf(asked.get("condition")));
if (state.loss) {
  state.loss = false;
  showMetric("loss");
} else showMetric("eer");
only.value = state.only;
if (state.only) showOnly(state.only);

// Heatmap: a condition with a sample on this page has a button that shows and plays it.
const sounds = every("[data-sample]").filter((figure) => figure.querySelector("audio"));
const tip = document.createElement("div");
tip.id = "heard";
tip.popover = "auto";
tip.setAttribute("role", "dialog");
document.body.append(tip);
tip.addEventListener("toggle", (event) => { if (event.newState === "closed") tip.replaceChildren(); });
for (const head of every("table.conditions th[scope=row]")) {
  const figure = sounds.find((other) => other.dataset.sample === head.title);
  if (!figure) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "hear";
  button.textContent = "♪";
  button.setAttribute("aria-label", `hear a fake under ${head.title}`);
  button.setAttribute("aria-haspopup", "dialog");
  button.addEventListener("click", () => {
    const name = document.createElement("p");
    name.append(head.title, head.dataset.effect ? ` (${head.dataset.effect})` : "");
    const shown = [figure.parentElement.querySelector(".before"), figure].map((part) => part.cloneNode(true));
    shown.forEach((part) => part.removeAttribute("data-sample"));
    tip.setAttribute("aria-label", `A fake before and after ${head.title}`);
    tip.replaceChildren(name, ...shown);
    const at = button.getBoundingClientRect();
    tip.showPopover({ source: button });
    tip.style.left = `${Math.max(8, Math.min(at.right + 8, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(8, Math.min(at.top, innerHeight - tip.offsetHeight - 8))}px`;
    const player = shown[1].querySelector("audio");
    player.focus();
    player.play().catch(() => {});  // a browser may want another gesture first
  });
  head.prepend(button);
}

// Tables that are wider than the page: a shadow where more of them is.
for (const scroll of every(".scroll")) {
  const frame = scroll.parentElement;
  const mark = () => {
    const left = Math.abs(scroll.scrollLeft);
    frame.classList.toggle("more", left + scroll.clientWidth < scroll.scrollWidth - 1);
  };
  scroll.addEventListener("scroll", mark, { passive: true });
  const sizes = new ResizeObserver(mark);
  sizes.observe(scroll);
  for (const table of scroll.children) sizes.observe(table);
}

// Contents: mark the part that is being read.
const links = new Map(every(".toc a").map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    const link = links.get(entry.target.getAttribute("aria-labelledby"));
    if (!link) continue;
    for (const other of links.values()) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-15% 0px -75% 0px" });
every("main section").forEach((section) => seen.observe(section));

for (const tools of every(".tools")) tools.hidden = false;

// What a link leads to comes to rest below the bar, whose rows depend on the page's width.
const bar = document.querySelector(".bar-top");
const clear = () => { document.documentElement.style.scrollPaddingTop = `${bar.offsetHeight + 12}px`; };
clear();
new ResizeObserver(clear).observe(bar);

remember();
ready = true;
follow();
if (asked.has("at")) {  // a place, which no choice keeps
  reveal(asked.get("at"))?.scrollIntoView({ behavior: "instant" });
  remember();
}
