/** How long writes take until ClickHouse shows them: the request, the way, and the question whether it is there, all included. */

const kept = 60;
const samples = [];
const $ = id => document.getElementById(id);
const milliseconds = value => `${Math.round(value)} ms`;

/** Runs a write and what waits for it, and shows the time that both take, also while they take it. */
export async function timed(writeAndWait) {
  const began = performance.now();
  const clock = setInterval(() => show(performance.now() - began, true), 100);
  try {
    await writeAndWait();
    add(performance.now() - began);
  } finally {
    clearInterval(clock);
    if (samples.length) show(samples.at(-1), false);
    else $("last").textContent = "–";
  }
}

function add(sample) {
  samples.push(sample);
  if (samples.length > kept) samples.shift();
  const sorted = [...samples].sort((a, b) => a - b);
  $("median").textContent = milliseconds(sorted[sorted.length >> 1]);
  $("slowest").textContent = milliseconds(sorted.at(-1));
  $("writes").textContent = samples.length;
  $("bars").replaceChildren(...samples.map(value => {
    const bar = document.createElement("i");
    bar.style.height = `${100 * value / sorted.at(-1)}%`;
    return bar;
  }));
}

function show(value, waiting) {
  $("last").textContent = milliseconds(value);
  $("last").classList.toggle("waiting", waiting);
}
