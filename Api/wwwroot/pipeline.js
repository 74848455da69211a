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

let isBehindKafka = false;

/** Draws what is known: slices that have not come yet leave their node as it is. */
export function showPipeline({ api, postgres, connector, processor, clickHouse }, away) {
  if (processor?.source) isBehindKafka = processor.source === "kafka";
  const changes = processor?.changes;
  node("node-api", away ? ["bad", "does not answer"] : api && ["good", "running"],
    api && { rate: count(api.writes.rate), p50: duration(api.writes.p50) });
  node("node-wal", away ? unknown : postgres && stateOf(postgres), postgres?.log && {
    position: postgres.log.position,
    retained: bytes(postgres.log.retainedBytes),
  }, postgres?.problem ?? (postgres?.log?.isRead === null ? "There is no replication slot yet: the processor makes it." : null));
  $("node-connector").hidden = !isBehindKafka;
  flow("node-connector", away, connector ?? (isBehindKafka ? {} : null));
  flow("node-processor", away, processor);
  node("node-clickhouse", away ? unknown : clickHouse && stateOf(clickHouse),
    (changes || clickHouse?.applied) && { applied: appliedIn(processor, clickHouse) ?? "–", p50: duration(changes?.p50) }, clickHouse?.problem);
  document.querySelector(".pipeline").classList.toggle("flows", !away && changes?.rate > 0);
}

/** The commit up to which ClickHouse shows everything: the processor knows it at once, unless it has only some of a topic's partitions. */
export const appliedIn = (processor, clickHouse) => processor?.applied ?? clickHouse?.applied;

/** A processor, or a connector; one that tells nothing is somebody else's. */
function flow(id, away, part) {
  const state = part && (part.problem ? ["bad", "away"] : phases[part.phase] ?? ["unknown", "tells nothing"]);
  node(id, away ? unknown : state, part?.phase && { rate: count(part.changes.rate), lag: lagOf(part) }, part?.problem || part?.reason);
}

function lagOf({ lagBytes, lagSeconds }) {
  if (lagBytes == null) return "–";
  if (lagBytes === 0) return "nothing";
  return lagSeconds >= 0.5 ? `${bytes(lagBytes)}, ${duration(1000 * lagSeconds)}` : bytes(lagBytes);
}

const unknown = ["unknown", "not known"];
const stateOf = database => database.problem
  ? ["bad", database.hangs ? "does not answer" : "away"]
  : ["good", "running"];

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
export function outlook({ postgres, connector, processor, clickHouse }) {
  if (postgres?.hangs) return "PostgreSQL is slow to answer: a write may take as long.";
  if (postgres?.problem) return "PostgreSQL is away: nothing can be written until it is back. Start it in the dashboard.";
  const later = "What is written waits in PostgreSQL's log, and arrives when it goes on.";
  if (connector?.problem) return `The connector is away. ${later} Start connector in the dashboard.`;
  if (connector && !flows(connector)) return `The connector does not send: ${reasonOf(connector)} ${later}`;
  const waits = isBehindKafka ? "What is written waits in the topic, and arrives when it goes on." : later;
  if (processor?.problem) return `The processor is away. ${waits} Start cdc-processor in the dashboard.`;
  if (processor?.phase === "Paused") return `The processor is paused. ${waits} “Resume” lets it go on.`;
  if (processor?.phase && !flows(processor)) return `The processor does not stream: ${reasonOf(processor)} ${waits}`;
  if (clickHouse?.hangs) return "ClickHouse is slow to answer: what is written shows there later.";
  return clickHouse?.problem ? `ClickHouse is away. ${waits} Start it in the dashboard.` : "";
}

const flows = part => part.phase === "Streaming" || part.phase === "StandingBy";
const reasonOf = part => part.reason || phases[part.phase][1];
