/** "Equal, row for row": the last comparison of both databases, and the button for the next. */

import { $, make, say } from "./dom.js";
import { count, duration } from "./format.js";
import { call } from "./shop.js";

const mostShown = 5;
let isRunning = false;

export function enableVerification() {
  $("verify").hidden = false;
  $("verify").addEventListener("click", async () => {
    if (isRunning) return;
    try {
      await call("POST", "/live/processor/verify");
    } catch (error) {
      tell(error.message, "bad");
    }
  });
}

export function showVerification(report) {
  $("equal").hidden = false;
  isRunning = report.state === "running";
  $("verify").setAttribute("aria-disabled", String(isRunning));
  say($("verify"), isRunning ? "Comparing …" : report.state === "none" ? "Compare now" : "Compare again");
  tell(report.verdict, { equal: "good", different: "bad", incomplete: "bad" }[report.state] ?? "");

  const figures = report.started ? {
    "rows compared": count(report.rows),
    "rows a second": count(report.rowsPerSecond),
    [report.finished ? "at" : "since"]: new Date(report.finished ?? report.started).toLocaleTimeString("en", { hour12: false }),
    took: report.finished ? duration(new Date(report.finished) - new Date(report.started)) : null,
  } : {};
  $("compared").replaceChildren(...Object.entries(figures).filter(([, text]) => text)
    .map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  const wrong = report.tables.flatMap(table => table.note ? [`${table.name}: ${table.note}`] : table.keys.filter(key => !key.isRepaired).map(key => `${table.name} ${key.key}: ${key.what}`));
  $("differences").replaceChildren(...wrong.slice(0, mostShown).map(text => make("li", {}, text)));
}

function tell(text, kind) {
  say($("verdict"), text);
  $("verdict").className = kind;
}
