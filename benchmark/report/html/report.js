"use strict";
const every = (selector, root = document) => [...root.querySelectorAll(selector)];

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
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(order));
      table.classList.toggle("reordered", column > 0 || !up);  // brackets join rows by rank
    });
  });
}

// Filters: rows whose header cells hold the text; a family's head goes with its last row.
for (const field of every("input[data-filter]")) {
  const table = document.getElementById(field.dataset.filter);
  const bodies = [...table.tBodies];
  const said = field.closest(".tools").querySelector("output");
  field.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    let shown = 0, all = 0;
    for (const body of bodies) {
      const head = body.querySelector(".head");
      const family = head ? head.cells[0].textContent.toLowerCase() : "";
      let left = 0;
      for (const row of body.rows) {
        if (row === head) continue;
        const names = [...row.cells].filter((cell) => cell.tagName === "TH").map((cell) => cell.textContent);
        row.hidden = text !== "" && !names.join(" ").toLowerCase().includes(text) && !family.includes(text);
        left += !row.hidden;
        all += 1;
      }
      if (head) head.hidden = left === 0;
      body.classList.toggle("shut", text === "" && body.dataset.shut === "yes");
      shown += left;
    }
    said.textContent = text === "" ? "" : `${shown} of ${all} shown`;
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

// Tracks: one at a time, the same one in every part of the page.
const tracks = [...new Set(every(".track").map((part) => part.dataset.track))];
if (tracks.length > 1) {
  const show = (chosen) => {
    for (const part of every(".track")) part.hidden = part.dataset.track !== chosen;
    for (const button of every(".tabs button"))
      button.setAttribute("aria-pressed", String(button.textContent === chosen));
  };
  for (const tabs of every(".tabs")) {
    for (const name of tracks) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => show(name));
      tabs.append(button);
    }
    tabs.hidden = false;
  }
  show(tracks[0]);
}

// Legends: a button per detector hides its curves everywhere; pointing at it dims the others.
const series = new Map();
for (const mark of every("[data-s]")) {
  if (!series.has(mark.dataset.s)) series.set(mark.dataset.s, []);
  series.get(mark.dataset.s).push(mark);
}
for (const item of every("[data-series]")) {
  const number = item.dataset.series;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  button.append(...item.childNodes);
  item.append(button);
  const dim = (on) => series.forEach((marks, other) => {
    for (const mark of marks) mark.classList.toggle("dim", on && other !== number);
  });
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const twin of every(`[data-series="${number}"] button`))
      twin.setAttribute("aria-pressed", String(on));
    for (const mark of series.get(number) || []) mark.classList.toggle("off", !on);
  });
  for (const [kind, on] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]])
    button.addEventListener(kind, () => dim(on));
}

// One condition beside clean: each track's worst at first, then the chosen one on every track that
// holds it; all choosers of a track show the same.
const data = JSON.parse(document.getElementById("data").textContent);
const percent = (rate) => (rate === null ? "–" : (100 * rate).toFixed(1));
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
};
for (const select of every("select.choose"))
  select.addEventListener("change", () => choose(Number(select.value)));

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
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.getAttribute("aria-labelledby"))?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-15% 0px -75% 0px" });
every("main section").forEach((section) => seen.observe(section));

for (const tools of every(".tools")) tools.hidden = false;
addEventListener("beforeprint", () => every("details").forEach((part) => { part.open = true; }));
