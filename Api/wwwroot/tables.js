/** The newest rows of both databases, side by side. */

import { $, make, say } from "./dom.js";
import { count, money } from "./format.js";

const column = (title, className = "", format = String) => ({ title, className, format });
const tables = {
  orders: {
    caption: "Orders",
    count: "orderCount",
    columns: {
      id: column("order", "number key"), customer: column("customer", "cut"), city: column("city", "cut"), status: column("status", "status"),
      total: column("total", "number", money),
    },
  },
  items: {
    caption: "Items",
    count: "itemCount",
    columns: {
      id: column("item", "number key"), orderId: column("order", "number key wide-only"), product: column("product", "cut"), city: column("city", "cut"),
      quantity: column("qty", "number"), revenue: column("revenue", "number", money),
    },
  },
};
const before = { postgres: {}, clickHouse: {} };
const shown = {};

/** Shows one side. */
export function showRows(side, database) {
  const section = $(side);
  const problem = section.querySelector(".problem");
  section.classList.toggle("stale", Boolean(database.problem));
  problem.hidden = !database.problem;
  say(problem, database.problem ?? "");
  // A database that cannot be read keeps its last rows, greyed, below the reason; and rows that stand there already keep their highlight.
  const json = JSON.stringify(database.rows);
  if (!database.rows || shown[side] === json) return;
  shown[side] = json;
  section.querySelector(".tables").replaceChildren(...Object.keys(tables).map(kind => tableOf(side, kind, database.rows)));
}

/** Marks PostgreSQL's rows that ClickHouse shows otherwise, or not yet. */
export function markAhead() {
  for (const line of document.querySelectorAll("#postgres tr[data-row]")) {
    const [kind, id] = line.dataset.row.split(" ");
    const isAhead = before.clickHouse[kind] !== undefined && before.clickHouse[kind].get(id) !== before.postgres[kind].get(id);
    line.classList.toggle("ahead", isAhead);
    line.title = isAhead ? "not in ClickHouse yet" : "";
  }
}

function tableOf(side, kind, content) {
  const { caption, columns } = tables[kind];
  const rows = content[kind];
  const known = before[side][kind];
  before[side][kind] = new Map(rows.map(row => [String(row.id), JSON.stringify(row)]));
  const lines = rows.map(row => {
    const cells = Object.entries(columns).map(([key, { className, format }]) => cell("td", format(row[key]), className));
    const line = make("tr", { "data-row": `${kind} ${row.id}` }, ...cells);
    line.classList.toggle("fresh", Boolean(known) && known.get(String(row.id)) !== JSON.stringify(row));
    line.addEventListener("animationend", () => line.classList.remove("fresh"), { once: true });
    return line;
  });
  if (!lines.length) lines.push(make("tr", {}, make("td", { class: "empty", colspan: Object.keys(columns).length }, "nothing yet")));
  return make("table", {},
    make("caption", {}, caption, make("span", { class: "count" }, rowsOf(content[tables[kind].count]))),
    make("thead", {}, make("tr", {}, ...Object.values(columns).map(({ title, className }) => cell("th", title, className)))),
    make("tbody", {}, ...lines));
}

const rowsOf = number => `${count(number)} ${number === 1 ? "row" : "rows"}`;

function cell(tag, text, className) {
  const attributes = { class: className };
  if (tag === "th") attributes.scope = "col";
  if (className === "cut") attributes.title = text;
  return make(tag, attributes, text);
}
