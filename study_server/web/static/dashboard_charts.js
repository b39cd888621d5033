// The charts of the dashboard, drawn by plotly.js (global Plotly).

const INK = "#1c2429";
const SOFT = "#5a6870";
const GRID = "#e3e7e9";
const BLUE = "#17506e";
const ORANGE = "#c4622d";
const PALE = "#7d9aaa";
const SERIES = [PALE, BLUE, ORANGE];
const FONT = '"Source Sans 3", "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif';

const CONFIG = { displayModeBar: false, responsive: true, showTips: false };

const axis = (title, more = {}) => ({
  title: { text: title, font: { size: 13, color: SOFT }, standoff: 8 },
  gridcolor: GRID,
  linecolor: "#9aa6ad",
  zeroline: false,
  automargin: true,
  fixedrange: true,
  ...more,
});

// An axis of whole numbers, up to `largest` at least.
const counts = (title, largest, more = {}) => axis(title, {
  rangemode: "tozero", tickformat: ",d", ...(largest <= 6 ? { dtick: 1 } : { nticks: 6 }), ...more,
});

const MINUTE_MS = 60_000;

// Of moments, a tick for each minute where there are few of them: those between would have the same name.
function moments(title, x) {
  const [first, last] = [x[0], x.at(-1)].map((text) => Date.parse(text.replace(" ", "T")));
  return axis(title, { type: "date", nticks: 7, hoverformat: "%Y-%m-%d %H:%M", tickformatstops: [
    { dtickrange: [null, 86400000 - 1], value: "%H:%M\n%Y-%m-%d" }, { dtickrange: [86400000, null], value: "%Y-%m-%d" },
  ], ...(last - first <= 6 * MINUTE_MS ? { dtick: MINUTE_MS } : {}) });
}

// A chart of which there is nothing yet.
const nothing = (text) => [[], layout(axis("", { visible: false }), axis("", { visible: false }), {
  annotations: [{ x: 0.5, y: 0.5, xref: "paper", yref: "paper", text, showarrow: false, font: { color: SOFT, size: 15 } }],
})];

function layout(xaxis, yaxis, more = {}) {
  return {
    font: { family: FONT, size: 13, color: INK },
    margin: { l: 8, r: 12, t: 8, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    separators: ".\u202f",
    hoverlabel: { font: { family: FONT, size: 13 } },
    legend: { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom" },
    hovermode: "x unified",
    xaxis,
    yaxis,
    ...more,
  };
}

// Of numbers that are known at these moments and were the last ones until the next.
const steps = (x, y, name, color) => ({
  x, y, name, type: "scatter", mode: "lines", line: { color, width: 2, shape: "hv" },
});

const bars = (x, y, name, color) => ({ x, y, name, type: "bar", marker: { color } });

// By kind. Names of axes and of series come with the figures, as the study's task calls them; `t` are the page's own texts.
const CHARTS = {
  recruitment: (d, t) => (d.x.length ? [
    [steps(d.x, d.started, t.started, PALE), steps(d.x, d.finished, t.finished, BLUE)],
    layout(moments(t.moment, d.x), counts(t.participants, d.started.at(-1))),
  ] : nothing(t.nobody)),

  answers: (d, t) => [
    [bars(d.x, d.all, t.allAnswers, PALE), bars(d.x, d.used, t.accepted, BLUE)],
    layout(axis(d.xTitle, { tickformat: ",d", nticks: 20, minallowed: -1 }), counts(d.yTitle, Math.max(...d.all)), {
      bargap: 0.15,
      shapes: d.wanted ? [vertical(d.wanted - 0.5, ORANGE)] : [],
      annotations: d.wanted ? [note(d.wanted - 0.5, t.wanted, ORANGE)] : [],
    }),
  ],

  shares: (d, t) => {
    const points = {
      x: d.points.map((p) => p.x),
      y: d.points.map((p) => p.y),
      error_y: {
        type: "data", symmetric: false, color: BLUE, thickness: 1.5, width: 4,
        array: d.points.map((p) => p.high - p.y), arrayminus: d.points.map((p) => p.y - p.low),
      },
      customdata: d.points.map((p) => [p.low, p.high, p.answers]),
      hovertemplate: `%{y:.1f} (%{customdata[0]:.1f}–%{customdata[1]:.1f}), %{customdata[2]:,d} ${t.answers}<extra></extra>`,
      name: t.share, type: "scatter", mode: "markers", marker: { color: BLUE, size: 8 },
    };
    const traces = [points];
    if (d.curve) {
      traces.unshift({ ...d.curve, name: d.curveName, type: "scatter", mode: "lines", line: { color: ORANGE, width: 2, simplify: false }, hoverinfo: "skip" });
    }
    // A level with a name is in the legend: beside its line the name would cover points.
    const range = [-0.3, d.largest + 0.3];
    traces.push(...d.levels.filter(({ text }) => text).map(({ y, text }) => ({
      x: range, y: [y, y], name: text, type: "scatter", mode: "lines", line: { color: ORANGE, width: 1.5, dash: "dot" }, hoverinfo: "skip",
    })));
    const known = typeof d.threshold === "number";
    return [
      traces,
      layout(axis(d.xTitle, { range, dtick: d.largest <= 20 ? 1 : undefined, hoverformat: ".0f" }), axis(d.yTitle, { range: [0, 100], dtick: 25 }), {
        shapes: [...(known ? [vertical(d.threshold, ORANGE)] : []), ...d.levels.filter(({ text }) => !text).map(({ y }) => level(y))],
        annotations: known ? [note(d.threshold, `${t.threshold} ${d.threshold.toFixed(2)} px`, ORANGE)] : [],
      }),
    ];
  },

  histogram: (d) => [
    d.series.map(({ name, y }, i) => bars(middles(d.x), y, name, SERIES[i % SERIES.length])),
    layout(axis(d.xTitle, { hoverformat: ".2f", range: [0, longest(d)] }), counts(d.yTitle, Infinity), { barmode: "stack", bargap: 0.05 }),
  ],

  quartiles: (d, t) => [
    [{
      x: d.x, y: d.median.map(s), name: t.median, type: "scatter", mode: "markers", marker: { color: BLUE, size: 8 },
      error_y: {
        type: "data", symmetric: false, color: BLUE, thickness: 1.5, width: 4,
        array: d.upper.map((u, i) => s(u - d.median[i])), arrayminus: d.lower.map((l, i) => s(d.median[i] - l)),
      },
    }],
    layout(axis(d.xTitle, { nticks: 12, dtick: Math.max(...d.x) <= 20 ? 1 : undefined }), axis(d.yTitle, { rangemode: "tozero" }), { showlegend: true }),
  ],

  numbers: (d, t) => (d.lying
    ? [
      [{ ...bars(d.y, d.x, t.participants, BLUE), orientation: "h" }],
      layout(counts(d.yTitle, Math.max(...d.y)), axis(d.xTitle, { type: "category", autorange: "reversed" }), { bargap: 0.4, hovermode: "y unified" }),
    ]
    : [[bars(d.x, d.y, t.participants, BLUE)], layout(axis(d.xTitle, { type: "category" }), counts(d.yTitle, Math.max(...d.y)), { bargap: 0.4 })]),
};

const s = (ms) => ms / 1000;

// Bars stand over the middle of what they count.
const middles = (x) => x.map((begin) => begin + (x[1] - x[0]) / 2);

// Seconds up to which there are answers worth an axis: a few long ones would press all others together.
function longest(d) {
  const last = Math.max(...d.series.map(({ y }) => y.findLastIndex((n) => n > 0)));
  return Math.max(1, d.x[last] === undefined ? 1 : d.x[last] + d.x[1] - d.x[0]);
}

const vertical = (x, color) => ({
  type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color, width: 1.5, dash: "dot" },
});

const level = (y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: "#c2cacf", width: 1 }, layer: "below" });

const note = (x, text, color) => ({
  x, text, yref: "paper", y: 0.02, showarrow: false, xanchor: "left", yanchor: "bottom", xshift: 5, font: { color, size: 13 },
});

// Draws a chart, or draws it anew. Its place says when it is done.
export async function draw(place, figures, texts) {
  const [traces, shape] = CHARTS[figures.kind](figures, texts);
  // The axes of nothing are not those of something.
  if (place.data?.length !== undefined && !place.data.length !== !traces.length) Plotly.purge(place);
  await Plotly.react(place, traces, shape, CONFIG);
  place.dataset.drawn = "true";
}
