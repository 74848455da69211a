/** Sums over every line ever sold, with what ClickHouse needed for them. */

import { $, draw, make } from "./dom.js";
import { count, duration, money, short } from "./format.js";

const shown = 6;
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });

export function showRevenue(revenue) {
  if (revenue.problem) {
    $("revenue").replaceChildren(make("p", { class: "problem" }, revenue.problem));
    return;
  }
  if (!revenue.country.sums.length) {
    $("revenue").replaceChildren(make("p", { class: "waiting" }, "Nothing is sold yet: add an order."));
    return;
  }
  $("revenue").replaceChildren(ranking("By country", revenue.country), ranking("By category", revenue.category), minutes("By minute, the last 30", revenue.minute));
}

const cost = ({ milliseconds, rows }) => make("p", { class: "cost" }, `${duration(milliseconds)} for ${count(rows)} rows`);

function ranking(title, answer) {
  const most = Math.max(...answer.sums.map(sum => sum.revenue));
  const rest = answer.sums.slice(shown);
  const rows = answer.sums.slice(0, shown).map(sum => row(sum.of, sum.revenue, most));
  if (rest.length) rows.push(row(`${rest.length} more`, rest.reduce((sum, { revenue }) => sum + revenue, 0), most));
  return make("div", {}, make("h3", {}, title), make("table", { class: "ranking", "aria-label": title }, make("tbody", {}, ...rows)), cost(answer));
}

function row(name, revenue, most) {
  const bar = make("i", {});
  bar.style.width = `${Math.max(1, Math.min(100, 100 * revenue / most))}%`;
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "bar", "aria-hidden": "true" }, bar), make("td", { class: "number" }, money(revenue)));
}

function minutes(title, answer) {
  const now = Math.floor(Date.now() / 60_000);
  const known = new Map(answer.sums.map(sum => [Date.parse(sum.of) / 60_000, sum.revenue]));
  const last = Math.max(now, ...known.keys());
  const values = Array.from({ length: 30 }, (_, i) => known.get(last - 29 + i) ?? 0);
  const most = Math.max(...values, 1);
  const [width, height, left, bottom] = [300, 132, 40, 18];
  const step = (width - left) / values.length;
  const y = value => 6 + (height - bottom - 6) * (1 - value / most);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${money(values.at(-1))} in this minute, ${money(most)} at most` });
  for (const value of [0, most]) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width, y1: y(value), y2: y(value) }), draw("text", { class: "end", x: left - 5, y: y(value) + 3.5 }, short(Math.round(value))));
  }
  values.forEach((value, i) => value && svg.append(draw("rect", { class: "bar", x: left + i * step + 1, y: y(value), width: step - 2, height: y(0) - y(value), rx: 1 })));
  const time = minute => clock.format(new Date(minute * 60_000));
  svg.append(draw("text", { x: left, y: height - 3 }, time(last - 29)), draw("text", { class: "end", x: width, y: height - 3 }, time(last)));
  return make("div", {}, make("h3", {}, title), svg, cost(answer));
}
