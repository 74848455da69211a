/** The last minute, second by second: one value, or three percentiles on a scale of decades. */

import { $, draw, say } from "./dom.js";
import { duration, short } from "./format.js";

const height = 92;
const margin = { left: 46, right: 8, top: 6, bottom: 16 };
const percentiles = ["p99", "p95", "p50"];

export function showChanges(summary) {
  const values = summary.points.map(point => point.events);
  const top = niceTop(Math.max(...values, 10));
  chart("chart-changes", { ticks: [0, top / 2, top].map(value => [value / top, short(value)]) }, (plot, x, y) => {
    const step = x(1) - x(0);
    plot.append(...values.map((value, i) => value && draw("rect", {
      class: "bar", x: x(i) - step / 2 + 1, y: y(value / top), width: Math.max(1, step - 1.5), height: y(0) - y(value / top), rx: 1,
    })).filter(Boolean));
  }, `${short(summary.rate)} now, ${short(values.reduce((sum, value) => sum + value, 0))} in the period`);
}

export function showLatency(id, summary) {
  const highest = Math.max(...summary.points.map(point => point.p99 ?? 0), 100);
  const decades = Math.ceil(Math.log10(highest));
  const scale = value => Math.max(0, Math.log10(Math.max(value, 1))) / decades;
  const ticks = Array.from({ length: decades + 1 }, (_, i) => [i / decades, 10 ** i < 1000 ? `${10 ** i} ms` : `${10 ** i / 1000} s`]);
  chart(id, { ticks }, (plot, x, y) => {
    for (const name of percentiles) {
      plot.append(draw("path", { class: name, d: path(summary.points.map(point => point[name]), x, value => y(scale(value))) }));
    }
  }, summary.p50 == null ? "nothing in the period" : `p50 ${duration(summary.p50)} · p95 ${duration(summary.p95)} · p99 ${duration(summary.p99)}`);
}

/** A line through the values that are there; one by itself is a dot. */
function path(values, x, y) {
  let d = "";
  values.forEach((value, i) => {
    if (value == null) return;
    const goesOn = i > 0 && values[i - 1] != null;
    d += goesOn ? `L${x(i).toFixed(1)} ${y(value).toFixed(1)}` : `M${x(i).toFixed(1)} ${y(value).toFixed(1)}h.01`;
  });
  return d;
}

function chart(id, { ticks }, plot, summary) {
  const figure = $(id);
  const caption = figure.querySelector("figcaption");
  const width = Math.max(200, figure.clientWidth);
  const x = i => margin.left + (width - margin.left - margin.right) * i / 59;
  const y = share => height - margin.bottom - (height - margin.top - margin.bottom) * share;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  for (const [share, label] of ticks) {
    svg.append(draw("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(share), y2: y(share) }));
    svg.append(draw("text", { x: margin.left - 6, y: y(share) + 3.5, class: "end" }, label));
  }
  svg.append(draw("text", { x: x(0), y: height - 2 }, "60 s ago"), draw("text", { x: x(59), y: height - 2, class: "end" }, "now"));
  plot(svg, x, y);
  const title = (caption.dataset.title ??= caption.textContent);
  svg.setAttribute("aria-label", `${title}: ${summary}`);
  figure.querySelector("svg")?.remove();
  figure.append(svg);
  if (!caption.querySelector("b")) caption.append(" ", document.createElement("b"));
  say(caption.querySelector("b"), summary);
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 10].map(step => step * power).find(top => top >= value);
}
