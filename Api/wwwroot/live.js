import { actions, call, pick } from "./shop.js";
import { timed } from "./latency.js";
import { render } from "./tables.js";

const silence = 5_000; // Frames come four times a second.
const $ = id => document.getElementById(id);
let newest = null; // the newest order of PostgreSQL
let busy = false;

/** Carries out one of the actions; true if ClickHouse shows what it has written. */
async function run(name) {
  if (busy || (name !== "add" && !newest)) return false;
  busy = true;
  showButtons();
  try {
    const { write, say } = await actions[name](newest);
    await timed(async () => call("GET", await write()));
    tell(say);
    return true;
  } catch (error) {
    tell(error.message, true);
    return false;
  } finally {
    busy = false;
    showButtons();
  }
}

/** Goes on over errors, at leisure, so that it takes up again what was away. */
async function keepGoing() {
  while ($("auto").checked) {
    const done = await run(newest ? pick(["add", "add", "status", "city", "remove"]) : "add");
    await new Promise(resolve => setTimeout(resolve, done ? 400 : 1500));
  }
}

function tell(text, isBad = false) {
  $("message").textContent = text;
  $("message").classList.toggle("bad", isBad);
}

/** Not `disabled`: that would take the keyboard's focus from a button that is just being used. */
function showButtons() {
  for (const name of Object.keys(actions)) $(name).setAttribute("aria-disabled", String(busy || (name !== "add" && !newest)));
}

function setAway(sentence) {
  $("away").textContent = sentence;
  $("away").hidden = !sentence;
  document.body.classList.toggle("away", Boolean(sentence));
}

function watch() {
  const frames = new EventSource("/live/frames");
  let last = "";
  let alarm;
  const away = () => setAway("The API does not answer. This page goes on by itself when it does.");
  const awaitNews = () => {
    clearTimeout(alarm);
    alarm = setTimeout(away, silence);
  };
  frames.onmessage = event => {
    setAway("");
    awaitNews();
    if (event.data === last) return;
    last = event.data;
    const frame = JSON.parse(event.data);
    if (!frame.postgres.problem) newest = frame.postgres.orders[0] ?? null;
    render(frame);
    showButtons();
  };
  frames.onerror = () => {
    away();
    // After an answer that is an error the browser gives up.
    if (frames.readyState === EventSource.CLOSED) {
      clearTimeout(alarm);
      setTimeout(watch, 1000);
    }
  };
  awaitNews();
}

for (const name of Object.keys(actions)) $(name).addEventListener("click", () => run(name));
let going = null;
$("auto").addEventListener("change", () => going ??= keepGoing().finally(() => going = null));
watch();
