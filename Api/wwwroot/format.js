/** How figures are written: as short as they can be without losing their unit. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const two = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = value => whole.format(value);
export const money = value => two.format(value);
export const short = value => value < 10_000 ? whole.format(value) : compact.format(value);

/** Milliseconds, as a person says them. */
export function duration(milliseconds) {
  if (milliseconds == null) return "–";
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const minutes = Math.round(milliseconds / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export function bytes(value) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A position in PostgreSQL's log, `0/1A2B3C4`, as a number that compares. */
export function position(lsn) {
  const [high, low] = lsn.split("/").map(part => BigInt(`0x${part}`));
  return (high << 32n) + low;
}
