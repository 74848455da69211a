import { showChanges, showLatency } from "./charts.js";
import { $, say } from "./dom.js";
import { follow } from "./feed.js";
import { duration, position } from "./format.js";
import { enableLoad, showLoad } from "./load.js";
import { appliedIn, outlook, showLinks, showPipeline } from "./pipeline.js";
import { showRevenue } from "./revenue.js";
import { actions, call, commit } from "./shop.js";
import { markAhead, showRows } from "./tables.js";
import { enableVerification, showVerification } from "./verification.js";

const known = {}; // the newest of each slice
let isAway = false;
let busy = false;
let awaited = null; // the last write, until ClickHouse shows it

const newest = () => known.postgres?.rows?.orders[0] ?? null;

/** Carries out one of the actions and says at once what comes of it; the feed says when it has arrived. */
async function run(name) {
  if (busy || (name !== "add" && !newest())) return;
  busy = true;
  showButtons();
  try {
    const what = await actions[name](newest());
    const lsn = commit();
    const later = outlook(known);
    tell(`${what} is in PostgreSQL. ${later || "ClickHouse follows …"}`, later !== "");
    awaited = { what, lsn: lsn && position(lsn) };
    checkArrival();
  } catch (error) {
    awaited = null;
    tell(error.message, true);
  } finally {
    busy = false;
    showButtons();
  }
}

/** By the positions in PostgreSQL's log, which both sides name; where the processor cannot name any, the tables below tell. */
function checkArrival() {
  const applied = appliedIn(known.processor, known.clickHouse);
  if (!awaited?.lsn || !applied || position(applied) < awaited.lsn) return;
  const last = known.processor?.changes?.last;
  tell(`${awaited.what} is there${last == null ? "" : `, ${duration(last)} after its commit`}.`);
  awaited = null;
}

function tell(text, isBad = false) {
  say($("message"), text);
  $("message").classList.toggle("bad", isBad);
}

/** Not `disabled`: that would take the keyboard's focus from a button that is just being used. */
function showButtons() {
  const isEmpty = Boolean(known.postgres?.rows) && !newest();
  say($("add"), isEmpty ? "Make the first order" : "Add an order");
  for (const name of Object.keys(actions)) {
    $(name).setAttribute("aria-disabled", String(busy));
    if (name !== "add") $(name).hidden = !newest();
  }
  const says = isAway ? "" : outlook(known);
  $("outlook").hidden = !says;
  say($("outlook"), says);
  say($("pause"), known.processor?.phase === "Paused" ? "Resume" : "Pause");
}

async function pauseOrResume() {
  const operation = known.processor?.phase === "Paused" ? "resume" : "pause";
  try {
    await call("POST", `/live/processor/${operation}`);
  } catch (error) {
    tell(error.message, true);
  }
}

const show = {
  api: content => {
    showLoad(content);
    showLatency("chart-api", content.writes);
  },
  postgres: content => {
    showRows("postgres", content);
    markAhead();
  },
  clickHouse: content => {
    showRows("clickHouse", content);
    markAhead();
    checkArrival();
  },
  connector() {}, // the pipeline shows it
  processor: content => {
    if (!content.changes) return;
    showChanges(content.changes);
    showLatency("chart-pipeline", content.changes);
    checkArrival();
  },
  revenue: showRevenue,
  verification: showVerification,
};

for (const name of Object.keys(actions)) $(name).addEventListener("click", () => run(name));
$("pause").addEventListener("click", pauseOrResume);
follow(Object.keys(show), (name, content) => {
  known[name] = content;
  show[name](content);
  showPipeline(known, isAway);
  showButtons();
}, away => {
  if (away === isAway) return;
  isAway = away;
  say($("away"), away
    ? "The API does not answer: start the resource api in the dashboard, or dotnet run --project AppHost. This page goes on by itself."
    : "");
  $("away").hidden = !away;
  document.body.classList.toggle("away", away);
  showPipeline(known, isAway);
  showButtons();
});

const links = await call("GET", "/live/links").catch(() => ({}));
showLinks(links.dashboard);
if (links.operates) {
  enableLoad();
  enableVerification();
  $("pause").hidden = false;
}
