// Draws the plots of a report from the data that the page carries. It fetches nothing and keeps nothing.
(() => {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  // Ours and the first of the others: more lines at once than two policies have are for whoever asks for them.
  const state = { view: 0, shown: new Set([0, 1]) };
  let charts = [];
  // As many colours as the page has.
  const hue = (at) => at % 9;

  // === Values as people read them ===

  const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const clock = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: data.timeZone, hourCycle: "h23", ...options });
  const times = clock({ hour: "2-digit", minute: "2-digit" });
  const days = clock({ day: "numeric", month: "short" });
  const full = clock({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const instant = (seconds) => new Date(seconds * 1000);
  const tick = (seconds, step) => {
    const time = times.format(instant(seconds));
    return step >= 86400 || time === "00:00" ? days.format(instant(seconds)) : time;
  };
  const number = (unit) => (_, value) => (value == null ? "-" : numbers.format(value) + unit);

  // === What each plot shows ===

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stepped = () => uPlot.paths.stepped({ align: 1 });
  const chosen = (view) => view.policies.map((policy, at) => ({ ...policy, stroke: colour(`--c${hue(at)}`), at }))
    .filter((policy) => state.shown.has(policy.at));

  const plots = {
    demand: (view) => ({
      unit: " /s",
      lines: [
        { label: "demand", values: view.demand, stroke: colour("--demand"), fill: colour("--area") },
        ...chosen(view).map(({ label, stroke, ready }) => ({
          label, stroke, paths: stepped(), values: ready.map((replicas) => replicas * data.carriesPerReplica),
        })),
      ],
    }),
    replicas: (view) => ({
      unit: "",
      lines: chosen(view).flatMap(({ label, stroke, wanted, ready }) => [
        { label: `${label}, wanted`, stroke, paths: stepped(), values: wanted, dash: [4, 4] },
        { label: `${label}, ready`, stroke, paths: stepped(), values: ready },
      ]),
    }),
    latency: (view) => ({
      unit: " ms",
      logarithmic: true,
      lines: [
        { label: "target", values: view.demand.map(() => data.targetMillis), stroke: colour("--bad"), dash: [8, 4] },
        ...chosen(view).map(({ label, stroke, p95Millis }) => ({
          label, stroke, values: p95Millis.map((millis) => (millis > 0 ? millis : null)),
        })),
      ],
    }),
    unserved: (view) => ({
      unit: "",
      lines: chosen(view).map(({ label, stroke, unserved }) => ({
        label, stroke, paths: stepped(), values: unserved, fill: colour("--area"),
      })),
    }),
  };

  // === Drawing ===

  const options = ({ unit, logarithmic, lines }, width) => {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const scale = logarithmic ? { distr: 3 } : { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] };
    return {
      width,
      height: width < 600 ? 200 : 260,
      tzDate: (seconds) => uPlot.tzDate(instant(seconds), data.timeZone),
      cursor: { sync: { key: "report" }, drag: { x: true, y: false } },
      scales: { x: { time: true }, y: scale },
      axes: [
        { ...axis, values: (_, splits, __, ___, step) => splits.map((seconds) => tick(seconds, step)) },
        { ...axis, size: 56, values: (_, splits) => splits.map((value) => (value == null ? "" : numbers.format(value))) },
      ],
      series: [
        { label: "time", value: (_, seconds) => (seconds == null ? "-" : full.format(instant(seconds))) },
        ...lines.map(({ values: _, ...line }) => ({ width: 1.5, points: { show: false }, value: number(unit), ...line })),
      ],
    };
  };

  const draw = () => {
    charts.forEach((chart) => chart.destroy());
    const view = data.views[state.view];
    const instants = view.demand.map((_, at) => view.startSeconds + at * view.stepSeconds);
    charts = Object.entries(plots).map(([id, plot]) => {
      const place = document.getElementById(id);
      const shown = plot(view);
      return new uPlot(options(shown, place.clientWidth), [instants, ...shown.lines.map((line) => line.values)], place);
    });
  };

  // === Choices ===

  const choice = (type, name, label, checked, swatch, changed) => {
    const input = Object.assign(document.createElement("input"), { type, name, checked });
    input.addEventListener("change", () => changed(input.checked));
    const element = document.createElement("label");
    element.append(input);
    if (swatch) {
      element.append(Object.assign(document.createElement("span"), { className: `swatch ${swatch}` }));
    }
    element.append(label);
    return element;
  };

  const offer = () => {
    const views = document.getElementById("views");
    data.views.forEach((view, at) => {
      views.append(choice("radio", "view", view.title, at === state.view, null, () => {
        state.view = at;
        draw();
      }));
    });
    views.hidden = data.views.length < 2;
    const policies = document.getElementById("policies");
    data.views[0].policies.forEach(({ label }, at) => {
      policies.append(choice("checkbox", "policy", label, state.shown.has(at), `c${hue(at)}`, (checked) => {
        state.shown[checked ? "add" : "delete"](at);
        draw();
      }));
    });
    document.getElementById("choices").hidden = false;
  };

  offer();
  draw();
  dark.addEventListener("change", draw);
  new ResizeObserver(() => {
    charts.forEach((chart) => {
      const width = chart.root.parentElement.clientWidth;
      if (width !== chart.width) {
        chart.setSize({ width, height: chart.height });
      }
    });
  }).observe(document.getElementById("plots"));
})();
