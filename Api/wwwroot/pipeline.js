/** The pipeline as a picture: what each part does right now. */

import { $, say } from "./dom.js";
import { bytes, count, duration } from "./format.js";

/** What a phase of the processor means to whoever looks. */
const phases = {
  Streaming: ["good", "streaming"],
  StandingBy: ["fair", "standing by"],
  Starting: ["fair", "starting"],
  Waiting: ["fair", "waiting"],
  Paused: ["fair", "paused"],
  Faulted: ["bad", "faulted, tries again"],
  ResyncRequired: ["bad", "needs a resync"],
};

export function showLinks(dashboard) {
  if (!dashboard) return;
  const base = dashboard.replace(/\/$/, "");
  $("dashboard").href = base;
  $("dashboard").hidden = false;
  for (const node of document.querySelectorAll("[data-resource]")) {
    const link = node.querySelector("h3 a");
    link.href = `${base}/?resource=${node.dataset.resource}`;
    link.title = `${node.dataset.resource} in the dashboard`;
  }
}

/** Draws what is known: slices that have not come yet leave their node as it is. */
export function showPipeline({ api, postgres, processor, clickHouse }, away) {
  const changes = processor?.changes;
  node("node-api", away ? ["bad", "does not answer"] : api && ["good", "running"], api && { rate: count(api.writes.rate), p50: duration(api.writes.p50) });
  node("node-wal", away ? unknown : postgres && stateOf(postgres), postgres?.log && {
    position: postgres.log.position,
    retained: bytes(postgres.log.retainedBytes),
  }, postgres?.problem ?? (postgres?.log?.isRead === null ? "There is no replication slot yet: the processor makes it." : null));
  node("node-processor", away ? unknown : processor && (processor.problem ? ["bad", "away"] : phases[processor.phase]), processor?.phase && {
    rate: count(changes.rate),
    lag: processor.lagBytes === 0 ? "nothing" : processor.lagSeconds >= 0.5 ? `${bytes(processor.lagBytes)}, ${duration(1000 * processor.lagSeconds)}` : bytes(processor.lagBytes),
  }, processor?.problem || processor?.reason);
  node("node-clickhouse", away ? unknown : clickHouse && stateOf(clickHouse), changes && { applied: processor.applied ?? "–", p50: duration(changes.p50) }, clickHouse?.problem);
  document.querySelector(".pipeline").classList.toggle("flows", !away && changes?.rate > 0);
}

const unknown = ["unknown", "not known"];
const stateOf = database => database.problem ? ["bad", database.hangs ? "does not answer" : "away"] : ["good", "running"];

function node(id, state, figures, reason) {
  const element = $(id);
  if (state) {
    const shown = element.querySelector(".state");
    shown.dataset.state = state[0];
    say(shown, state[1]);
    shown.title = reason ?? "";
    element.dataset.state = state[0];
  }
  for (const [name, text] of Object.entries(figures ?? {})) say(element.querySelector(`[data-of="${name}"]`), text);
}

/** What a write will come to right now; empty where it will simply arrive. */
export function outlook({ postgres, processor, clickHouse }) {
  if (postgres?.hangs) return "PostgreSQL is slow to answer: a write may take as long.";
  if (postgres?.problem) return "PostgreSQL is away: nothing can be written until it is back. Start it in the dashboard.";
  const later = "What is written waits in PostgreSQL's log, and arrives when it goes on.";
  if (processor?.problem) return `The processor is away. ${later} Start cdc-processor in the dashboard.`;
  switch (processor?.phase) {
    case undefined:
    case "Streaming":
      return clickHouse?.hangs ? "ClickHouse is slow to answer: what is written shows there later." : clickHouse?.problem ? `ClickHouse is away. ${later} Start it in the dashboard.` : "";
    case "Paused":
      return `The processor is paused. ${later} “Resume” lets it go on.`;
    default:
      return `The processor does not stream: ${processor.reason || phases[processor.phase][1]} ${later}`;
  }
}
