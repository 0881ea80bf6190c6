"use strict";
// What the pages do beyond htmx: search as one types, charts, exports, uploads, a sign-in over a page whose session
// ended, and drafts. Texts of the shop are only ever set as text, never as markup.

const WORDS = JSON.parse(document.body.dataset.words);
const BASE = "/console";
const csrf = () => document.querySelector('meta[name="csrf"]').content;
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function make(tag, given = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inside);
  return element;
}

function tell(text) {
  const line = make("p", {}, text);
  document.getElementById("told").append(line);
  setTimeout(() => line.remove(), 6000);
}

const numberless = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// --- who asks, and what to do when the session has ended

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF"] = csrf();
});

async function ask(address, given = {}) {
  const headers = { "X-Console": "1", "X-CSRF": csrf(), ...(given.headers || {}) };
  const answer = await fetch(address, { ...given, headers });
  if (answer.status === 401) {
    await signIn();
    return ask(address, given);
  }
  return answer;
}

let asking = null;
function signIn() {
  asking ||= new Promise((done) => {
    const wrong = make("p", { class: "wrong", role: "alert", hidden: true });
    const name = make("input", { name: "name", autocomplete: "username", required: true, "aria-label": WORDS.name, placeholder: WORDS.name });
    const password = make("input", { name: "password", type: "password", autocomplete: "current-password", required: true, "aria-label": WORDS.password, placeholder: WORDS.password });
    const form = make("form", { id: "again", class: "door" }, make("p", {}, WORDS.signin), wrong, name, password, make("button", { class: "main" }, WORDS.go));
    const dialog = make("dialog", { "aria-label": WORDS.go }, form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await fetch(BASE + "/login", { method: "POST", headers: { "X-Console": "1" }, body: new URLSearchParams(new FormData(form)) });
      const told = await answer.json();
      if (!answer.ok) {
        wrong.hidden = false;
        wrong.textContent = told.detail;
        return;
      }
      document.querySelector('meta[name="csrf"]').content = told.csrf;
      $$('input[name="csrf"]').forEach((field) => (field.value = told.csrf));
      dialog.close();
      dialog.remove();
      asking = null;
      done();
    });
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig, elt } = event.detail;
  if (xhr.status !== 401) return;
  event.preventDefault();
  signIn().then(() => htmx.ajax(requestConfig.verb, requestConfig.path, { source: elt, values: undefined }));
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) return;
  let detail = WORDS.failed;
  try {
    detail = JSON.parse(xhr.responseText).detail || detail;
  } catch {
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    detail = page.querySelector('[role="alert"]')?.textContent || detail;
  }
  tell(detail);
});
// How much is still on its way, for whoever waits for the whole page.
const waiting = (by) => () => (document.body.dataset.asking = String(Number(document.body.dataset.asking || 0) + by));
document.addEventListener("htmx:beforeRequest", waiting(1));
document.addEventListener("htmx:afterRequest", waiting(-1));
document.addEventListener("htmx:sendError", () => tell(WORDS.away));
// Where the service went away while a page watches a fit, the page goes on asking.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt?.dataset?.polls === undefined) return;
  if (event.detail.xhr?.status === 0) setTimeout(() => htmx.trigger(event.detail.elt, "load"), 2000);
});

// A plain form is sent by the page itself; before it leaves, the session is looked at, so that nothing typed is lost.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || form.dataset.sent || form.hasAttribute("hx-post") || !form.querySelector('input[name="csrf"]') || form.action.endsWith("/logout")) return;
  event.preventDefault();
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) return;
  await ask(BASE + "/alive");
  form.dataset.sent = "1";
  const button = event.submitter || form.querySelector("button");
  if (form.dataset.busy && button) button.textContent = form.dataset.busy;
  if (event.submitter?.name) form.append(make("input", { type: "hidden", name: event.submitter.name, value: event.submitter.value }));
  if (event.submitter?.formAction && event.submitter.hasAttribute("formaction")) form.action = event.submitter.formAction;
  if (form.dataset.draft) localStorage.removeItem(draftKey(form));
  form.submit();
  if (button) button.disabled = true;
});
window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => delete form.dataset.sent));

// --- colours and language

function theme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen !== "auto") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
document.addEventListener("click", (event) => {
  const next = event.target.closest("[data-theme-next]");
  if (next) {
    const chosen = theme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    document.cookie = `gw_theme=${chosen}; path=/console; max-age=31536000; samesite=lax`;
    $$("[data-chart]").forEach(draw);
  }
  const language = event.target.closest("[data-lang]");
  if (language) {
    event.preventDefault();
    document.cookie = `gw_lang=${language.dataset.lang}; path=/console; max-age=31536000; samesite=lax`;
    const here = new URL(location.href);
    here.searchParams.delete("lang");
    if (here.href === location.href) location.reload();
    else location.replace(here);
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => $$("[data-chart]").forEach(draw));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

// --- search as one types: a combobox

function searchable(input) {
  if (input.dataset.ready) return;
  input.dataset.ready = "1";
  const id = "s" + Math.random().toString(36).slice(2);
  const box = make("ul", { class: "suggest", role: "listbox", id, hidden: true, "aria-label": input.getAttribute("aria-label") || input.placeholder || WORDS.found });
  input.after(box);
  Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" }).forEach(([k, v]) => input.setAttribute(k, v));
  let found = [], at = -1, timer = 0, asked = 0;

  const close = () => {
    box.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (place) => {
    at = place;
    [...box.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", box.children[at].id);
      box.children[at].scrollIntoView({ block: "nearest" });
    }
  };
  const choose = (product) => {
    close();
    if (input.dataset.search === "go") location.href = `${BASE}/explore?product=${encodeURIComponent(product.id)}`;
    else {
      input.value = input.dataset.search === "name" ? product.name : product.id;
      input.dispatchEvent(new CustomEvent("chosen", { bubbles: true, detail: product }));
    }
  };
  const show = async () => {
    const mine = ++asked, query = input.value.trim();
    if (!query) return close();
    const answer = await ask(`${BASE}/search?q=${encodeURIComponent(query)}`);
    if (mine !== asked || !answer.ok) return;
    found = (await answer.json()).products;
    box.replaceChildren(
      ...found.map((product, n) =>
        make("li", { role: "option", id: `${id}-${n}`, "aria-selected": "false", on: { mousedown: (e) => { e.preventDefault(); choose(product); } } },
          product.name, make("small", {}, [product.beside, product.id, product.cold ? WORDS.cold : ""].filter(Boolean).join(" · ")))),
    );
    if (!found.length) return close();
    box.hidden = false;
    input.setAttribute("aria-expanded", "true");
    at = -1;
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 120); });
  input.addEventListener("blur", () => setTimeout(close, 120));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (box.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark((at + (event.key === "ArrowDown" ? 1 : -1) + found.length + (at < 0 && event.key === "ArrowUp" ? 1 : 0)) % found.length);
    }
    if (event.key === "Enter" && at >= 0) { event.preventDefault(); choose(found[at]); }
  });
}

// --- charts

const short = (text, most = 26) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const share = (value) => (value === null || value === undefined ? "–" : (100 * value).toFixed(value < 0.01 ? 2 : 1) + " %");
const LIGHT = ["#0b7a75", "#c8553d", "#5b6c9e", "#b08900", "#7d5ba6", "#4a7c59", "#a0527a", "#2f7fb5", "#8c6d46", "#5f8f2e", "#b4546a", "#667078"];
const DARK = ["#4fc0b6", "#f09a7c", "#a3b2ee", "#e2bd58", "#c4a4ea", "#8fcf9f", "#e79bc4", "#7cc4f0", "#d3b48c", "#b3d98a", "#f0a3b4", "#aeb9c0"];

const frame = () => ({
  backgroundColor: "transparent", animation: !matchMedia("(prefers-reduced-motion: reduce)").matches, animationDuration: 350,
  textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") }, color: theme() === "dark" ? DARK : LIGHT,
  tooltip: { renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"), textStyle: { color: colour("ink"), fontSize: 12 } },
});
const axis = (more = {}) => ({
  axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false }, axisLabel: { color: colour("soft"), hideOverlap: true },
  splitLine: { lineStyle: { color: colour("line") } }, nameTextStyle: { color: colour("soft") }, ...more,
});

const FORMS = {
  bars: (d) => ({ ...frame(), grid: { left: 48, right: 12, top: 12, bottom: 28 }, tooltip: { ...frame().tooltip, trigger: "axis" },
    xAxis: axis({ type: "category", data: d.x, splitLine: { show: false } }), yAxis: axis({ type: "value" }),
    series: [{ type: "bar", data: d.y, itemStyle: { color: colour("accent"), borderRadius: [2, 2, 0, 0] }, barCategoryGap: "20%" }] }),
  ranks: (d) => ({ ...frame(), grid: { left: 8, right: 60, top: 6, bottom: 22, containLabel: true }, tooltip: { ...frame().tooltip, trigger: "item", formatter: (p) => `${p.name}: ${p.value?.[0] ?? p.value}` },
    xAxis: axis({ type: "value" }), yAxis: axis({ type: "category", data: d.rows.map((r) => short(r.name, 30)), inverse: true, splitLine: { show: false }, axisLabel: { color: colour("ink") } }),
    series: [{ type: "bar", barMaxWidth: 18, data: d.rows.map((r) => ({ value: r.value, itemStyle: { color: r.ours ? colour("accent") : colour("soft"), opacity: r.ours ? 0.95 : 0.5 } })), label: { show: true, position: "right", color: colour("ink"), formatter: (p) => d.rows[p.dataIndex].shown ?? p.value } },
      ...(d.rows.some((r) => r.low !== null && r.low !== undefined) ? [{ type: "custom", silent: true, data: d.rows.map((r, n) => [r.low, n, r.high]), encode: { x: [0, 2], y: 1 },
        renderItem: (_, api) => { const a = api.coord([api.value(0), api.value(1)]), b = api.coord([api.value(2), api.value(1)]); if (!isFinite(api.value(0))) return; return { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style: { stroke: colour("ink"), lineWidth: 1.5 } }; } }] : [])] }),
  losses: (d) => ({ ...frame(), grid: { left: 52, right: 16, top: 34, bottom: 30 }, legend: { top: 0, type: "scroll", textStyle: { color: colour("soft") } }, tooltip: { ...frame().tooltip, trigger: "axis" }, animation: false,
    xAxis: axis({ type: "value", splitLine: { show: false }, min: "dataMin", max: "dataMax" }), yAxis: axis({ type: "value", scale: true }),
    series: Object.entries(d.losses).map(([name, points]) => ({ name, type: "line", showSymbol: points.length < 3, smooth: 0.2, data: points })) }),
  reliability: (d) => ({ ...frame(), grid: { left: 52, right: 16, top: 16, bottom: 44 }, tooltip: { ...frame().tooltip, trigger: "item", formatter: (p) => (p.data?.n ? `${WORDS.said} ${share(p.data.value[0])}\n${WORDS.came} ${share(p.data.value[1])}\nn = ${p.data.n}` : "") },
    xAxis: axis({ type: "value", name: WORDS.said, nameLocation: "middle", nameGap: 28, min: 0, max: d.most }), yAxis: axis({ type: "value", name: WORDS.came, min: 0, max: d.most }),
    series: [{ type: "line", silent: true, showSymbol: false, data: [[0, 0], [d.most, d.most]], lineStyle: { color: colour("soft"), type: "dashed", width: 1 } },
      { type: "custom", silent: true, data: d.bins.map((b) => [b.predicted, b.happened - 2 * b.error, b.happened + 2 * b.error]), renderItem: (_, api) => { const a = api.coord([api.value(0), Math.max(0, api.value(1))]), b = api.coord([api.value(0), Math.min(d.most, api.value(2))]); return { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style: { stroke: colour("soft"), lineWidth: 1.5 } }; } },
      { type: "line", data: d.bins.map((b) => ({ value: [b.predicted, b.happened], n: b.n })), symbolSize: 8, itemStyle: { color: colour("accent") }, lineStyle: { color: colour("accent"), width: 1.5 } }] }),
  graph: (d, box) => {
    const most = Math.max(...d.web.ties.map((t) => t.p || 0), 1e-9), small = innerWidth < 820, edge = small ? 50 : 76, at = places(d.web, (box.clientWidth - 2 * edge) / 2, (box.clientHeight - 86) / 2);
    return { ...frame(), tooltip: { ...frame().tooltip, formatter: (p) => (p.dataType === "edge" ? (p.data.p === null ? "" : `${p.data.from} → ${p.data.to}\n${WORDS[p.data.kind] || ""}\n${WORDS.probability} ${share(p.data.p)}${p.data.low === null ? "" : ` (${share(p.data.low)} – ${share(p.data.high)})`}`) : p.data.full + (p.data.cold ? `\n${WORDS.cold}` : "")) },
      series: [{ type: "graph", layout: "none", roam: true, draggable: true, top: 30, bottom: 56, left: edge, right: edge, scaleLimit: { min: 0.4, max: 5 }, labelLayout: { hideOverlap: true }, emphasis: { focus: "adjacency" },
        label: { show: true, position: "bottom", color: colour("ink"), fontSize: 11, lineHeight: 12, width: small ? 74 : 104, overflow: "break", formatter: (p) => p.data.label_ },
        data: d.web.nodes.map((n, rank) => ({ id: n.id || "·", name: n.id || "·", full: n.name, label_: (rank ? `${rank} ` : "") + short(n.name, small ? 20 : 30), cold: n.cold, middle: n.middle, symbolSize: n.middle ? 34 : 17, ...at[n.id || "·"],
          itemStyle: { color: n.middle ? colour("accent") : n.cold ? colour("card") : colour(n.kind || "soft"), borderColor: n.middle ? colour("accent") : colour(n.kind || "soft"), borderWidth: n.cold && !n.middle ? 2 : 1, borderType: n.cold && !n.middle ? "dashed" : "solid" } })),
        links: d.web.ties.map((t) => ({ source: t.a || "·", target: t.b, p: t.p, low: t.low ?? null, high: t.high ?? null, kind: t.kind, from: name(d, t.a), to: name(d, t.b),
          lineStyle: t.main ? { width: 1 + 6 * Math.sqrt((t.p || 0) / most), color: colour(t.kind || "soft"), opacity: 0.55, curveness: 0.05 } : { width: 1, color: colour("soft"), opacity: 0.22, curveness: 0.15 } })) }] };
  },
  map: (d) => ({ ...frame(), legend: { type: "scroll", top: 0, textStyle: { color: colour("soft") }, pageTextStyle: { color: colour("soft") }, pageIconColor: colour("accent") }, grid: { left: 6, right: 6, top: 38, bottom: 6 },
    tooltip: { ...frame().tooltip, formatter: (p) => p.data.value[2] }, xAxis: { type: "value", show: false, scale: true }, yAxis: { type: "value", show: false, scale: true }, animation: false,
    dataZoom: [{ type: "inside", xAxisIndex: 0 }, { type: "inside", yAxisIndex: 0 }],
    series: [...d.groups.map((g) => ({ name: g.name, type: "scatter", symbolSize: (v) => v[4], itemStyle: g.name === "…" ? { color: colour("soft"), opacity: 0.28 } : { opacity: 0.75 }, data: g.points.map((p) => ({ value: p })) })),
      ...(d.marked.length ? [{ name: WORDS.here, type: "scatter", symbol: "pin", symbolSize: 34, itemStyle: { color: colour("substitute"), borderColor: colour("card") }, label: { show: d.marked.length < 8, position: "right", color: colour("ink"), backgroundColor: colour("card"), padding: [2, 4], borderRadius: 4, formatter: (p) => short(p.data.value[2], 28) }, data: d.marked.map((p) => ({ value: p })), z: 5 }] : [])] }),
};
const name = (d, id) => d.web.nodes.find((n) => n.id === id)?.name || "";

// The product asked about in the middle, the likeliest third on an inner ring, the others around it.
function places(web, wide, high) {
  const around = web.nodes.filter((n) => !n.middle), inner = around.length > 7 ? Math.ceil(around.length / 3) : 0;
  const found = Object.fromEntries(web.nodes.map((n) => [n.id || "·", { x: 0, y: 0 }]));
  around.forEach((n, place) => {
    const within = place < inner, many = within ? inner : around.length - inner, nth = within ? place : place - inner;
    const turn = (2 * Math.PI * (nth + (within ? 0.5 : 0))) / many - Math.PI / 2, far = within ? 0.52 : 1;
    found[n.id] = { x: wide * far * Math.cos(turn), y: high * far * Math.sin(turn) };
  });
  return found;
}

function draw(box) {
  if (typeof echarts === "undefined") return;
  const script = box.querySelector('script[type="application/json"]');
  if (script) box.spec = JSON.parse(script.textContent);
  if (!box.spec) return;
  const label = box.getAttribute("aria-label");
  let chart = echarts.getInstanceByDom(box);
  if (!chart) {
    chart = echarts.init(box, null, { renderer: "canvas" });
    chart.on("click", (event) => go(box.spec, event));
    new ResizeObserver(() => {
      chart.resize();
      if (box.dataset.chart === "graph" && box.dataset.drawn) chart.setOption(FORMS.graph(box.spec, box), true);
    }).observe(box);
  }
  chart.setOption(FORMS[box.dataset.chart](box.spec, box), true);
  box.setAttribute("aria-label", label);
  box.dataset.drawn = "1";
}

function go(spec, event) {
  if (event.dataType === "edge" && event.data.p !== null && spec.source) {
    const address = `${spec.open}?product=${encodeURIComponent(spec.source)}&with=${encodeURIComponent(event.data.target)}`;
    history.pushState({ htmx: true }, "", address);
    htmx.ajax("GET", address, { target: "#why", select: "#why", swap: "outerHTML show:#why:top" });
  } else if (event.dataType === "node" && !event.data.middle) location.href = `${spec.open}?product=${encodeURIComponent(event.data.id)}`;
  else if (event.seriesType === "scatter" && event.data?.value?.[3]) location.href = `${BASE}/explore?product=${encodeURIComponent(event.data.value[3])}`;
}

// --- exports

// A cell that a spreadsheet would run as a formula begins with an apostrophe; numbers stay numbers.
function cell(text) {
  let told = text.replace(/\s+/g, " ").trim();
  if (/^[=+\-@\t\r＝＋－＠]/.test(told) && !/^[+-]?[\d.,]+( ?%)?$/.test(told)) told = "'" + told;
  return /[",\n;]/.test(told) ? `"${told.replaceAll('"', '""')}"` : told;
}
function rowsOf(table) {
  return $$("tr", table).map((row) => [...row.cells].filter((c) => !c.querySelector("form, select, button") || c.querySelector("b, output")).map((c) => {
    const copy = c.cloneNode(true);
    $$("button, form, .button, svg", copy).forEach((e) => e.remove());
    return cell(copy.textContent);
  }));
}
function download(name, blob) {
  const address = URL.createObjectURL(blob);
  const anchor = make("a", { href: address, download: name.replace(/[^\p{L}\p{N}._-]+/gu, "-") });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
document.addEventListener("click", (event) => {
  const csv = event.target.closest("[data-csv]");
  if (csv) {
    const table = $$("[data-table]").find((t) => t.dataset.table === csv.dataset.csv);
    const text = "\ufeff" + rowsOf(table).map((row) => row.join(",")).join("\r\n") + "\r\n";
    download(csv.dataset.csv + ".csv", new Blob([text], { type: "text/csv;charset=utf-8" }));
  }
  const png = event.target.closest("[data-png]");
  if (png) {
    const box = $$("[data-chart]").find((c) => c.dataset.name === png.dataset.png);
    const canvas = echarts.getInstanceByDom(box).renderToCanvas({ pixelRatio: 2, backgroundColor: colour("card") });
    canvas.toBlob((blob) => download(png.dataset.png + ".png", blob));
  }
});

// --- uploads: piece by piece, from where it stopped

async function upload(zone, file) {
  const table = zone.dataset.drop, bar = zone.querySelector("progress"), told = zone.querySelector("output");
  if (file.size > Number(zone.dataset.largest)) {
    tell(numberless(WORDS.large, { n: Math.round(zone.dataset.largest / 2 ** 30) }));
    return false;
  }
  const address = (more) => `${zone.dataset.to}?table=${table}&name=${encodeURIComponent(file.name)}${more}`;
  bar.hidden = false;
  let at = (await (await ask(address(""))).json()).here;
  if (at > file.size) at = 0;
  for (let lost = 0; at < file.size || file.size === 0; ) {
    const piece = file.slice(at, at + Number(zone.dataset.piece));
    let answer;
    try {
      answer = await ask(address(`&at=${at}&total=${file.size}`), { method: "POST", body: piece, headers: { "Content-Type": "application/octet-stream" } });
    } catch {
      if (++lost > 60) throw new Error(WORDS.away);
      told.textContent = WORDS.away;
      await new Promise((go) => setTimeout(go, 1000));
      continue;
    }
    const said = await answer.json();
    if (answer.status === 409) at = said.here;
    else if (!answer.ok) {
      told.textContent = said.detail;
      tell(said.detail);
      return false;
    } else at = said.here;
    bar.value = (100 * at) / Math.max(file.size, 1);
    told.textContent = `${file.name}: ${(at / 2 ** 20).toFixed(1)} / ${(file.size / 2 ** 20).toFixed(1)} MB`;
    if (file.size === 0) break;
  }
  return true;
}
function dropzone(zone) {
  const take = async (files) => {
    let all = true;
    for (const file of files) all = (await upload(zone, file)) && all;
    if (all && files.length) location.reload();
  };
  zone.querySelector("input").addEventListener("change", (event) => take([...event.target.files]));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("over"); take([...event.dataTransfer.files]); });
}

// --- drafts: what is typed into a form is there again after a closed tab or an ended session

const draftKey = (form) => `draft ${location.pathname} ${form.dataset.draft}`;
function drafted(form) {
  const fields = () => Object.fromEntries($$("[name]", form).filter((f) => f.name !== "csrf" && f.name !== "base" && f.type !== "hidden").map((f) => [f.name, f.type === "checkbox" ? f.checked : f.value]));
  const kept = localStorage.getItem(draftKey(form));
  if (kept && kept !== JSON.stringify(fields()) && !form.hasAttribute("data-fresh")) {
    const values = JSON.parse(kept);
    $$("[name]", form).forEach((f) => { if (f.name in values) f.type === "checkbox" ? (f.checked = values[f.name]) : (f.value = values[f.name]); });
    form.prepend(make("p", { class: "note", role: "status" }, WORDS.draft + " ", make("button", { type: "button", class: "small", on: { click: () => { localStorage.removeItem(draftKey(form)); location.reload(); } } }, WORDS.discard)));
  }
  form.addEventListener("input", () => localStorage.setItem(draftKey(form), JSON.stringify(fields())));
  form.addEventListener("chosen", () => localStorage.setItem(draftKey(form), JSON.stringify(fields())));
}

// A picker adds the chosen product to a field that holds one id a line, or sends its form.
document.addEventListener("chosen", (event) => {
  const into = event.target.dataset.into && document.getElementById(event.target.dataset.into);
  if (into) {
    const lines = into.value.split("\n").map((line) => line.trim()).filter(Boolean), { id } = event.detail;
    if (event.target.dataset.pairs !== undefined) {
      if (lines.at(-1)?.endsWith(" |")) lines[lines.length - 1] += ` ${id}`;
      else lines.push(`${id} |`);
    } else if (!lines.includes(id)) lines.push(id);
    into.value = lines.join("\n");
    event.target.value = "";
    into.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (event.target.dataset.send !== undefined) event.target.form.requestSubmit();
});

// --- everything that comes into the page

function arrange(root) {
  $$("[data-search]", root).forEach(searchable);
  if (root.matches?.("[data-search]")) searchable(root);
  $$("[data-chart]", root).forEach(draw);
  $$("[data-drop]", root).forEach((zone) => zone.dataset.ready || ((zone.dataset.ready = "1"), dropzone(zone)));
  $$("form[data-draft]", root).forEach((form) => form.dataset.ready || ((form.dataset.ready = "1"), drafted(form)));
  $$("[data-reload]", root).forEach((one) => setTimeout(() => location.reload(), Number(one.dataset.reload)));
}
document.addEventListener("DOMContentLoaded", () => {
  arrange(document.body);
  document.body.dataset.arranged = "1";
  document.addEventListener("htmx:afterSettle", (event) => arrange(event.detail.elt));
});
