/** The slider: how many writes a second the server makes. */

import { $, say } from "./dom.js";
import { count } from "./format.js";
import { call } from "./shop.js";

const steps = [0, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2000];
const idle = $("load-says").textContent;
const period = 5; // seconds
let sending = 0;
let asked = { writes: 0, at: 0 };

export function enableLoad() {
  $("load").hidden = false;
  $("writes").max = steps.length - 1;
  $("writes").addEventListener("input", async () => {
    const writes = steps[$("writes").value];
    name(writes);
    sending++;
    try {
      await call("POST", `/live/load?writes=${writes}`);
    } catch (error) {
      tell(error.message, true);
    } finally {
      sending--;
    }
  });
}

/** What the server makes, also for the pages that have not asked for it. */
export function showLoad({ writes, load }) {
  if (sending) return;
  const step = steps.indexOf(load.wanted);
  if (step >= 0 && document.activeElement !== $("writes")) $("writes").value = step;
  name(load.wanted);
  if (load.wanted !== asked.writes) asked = { writes: load.wanted, at: Date.now() };
  if (load.problem) tell(load.problem, true);
  else tell(load.wanted ? reached(writes, load.wanted) : idle);
}

/** How much of what is asked for comes about, which after a few seconds is all that this machine can. */
function reached(writes, wanted) {
  const rate = Math.round(writes.points.slice(-period).reduce((sum, second) => sum + second.events, 0) / period);
  const what = "orders, payments, moves and cancellations, made on the server.";
  if (Date.now() - asked.at < 1000 * (period + 1)) return `Beginning: ${what}`;
  if (rate >= 0.9 * wanted) return `${count(rate)} writes a second over the last ${period} s: ${what}`;
  return `${count(rate)} writes a second over the last ${period} s, of ${count(wanted)}: no more goes through API and PostgreSQL here. ${capital(what)}`;
}

const capital = text => text[0].toUpperCase() + text.slice(1);

function name(writes) {
  const text = writes ? `${count(writes)} writes/s` : "none";
  say($("wanted"), text);
  $("writes").setAttribute("aria-valuetext", writes ? `${writes} writes a second` : "no load");
}

function tell(text, isBad = false) {
  say($("load-says"), text);
  $("load-says").classList.toggle("bad", isBad);
}
