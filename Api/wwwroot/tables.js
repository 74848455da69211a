/** The newest rows of both databases, side by side. */

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const column = (title, className = "", format = String) => ({ title, className, format });
const tables = {
  orders: {
    caption: "Orders",
    columns: {
      id: column("order", "number key"), customer: column("customer"), city: column("city"), status: column("status"),
      total: column("total", "number amount", value => money.format(value)),
    },
  },
  items: {
    caption: "Items",
    columns: {
      id: column("item", "number key"), orderId: column("order", "number key wide-only"), product: column("product"), city: column("city"),
      quantity: column("qty", "number tight"), revenue: column("revenue", "number amount", value => money.format(value)),
    },
  },
};
const before = { postgres: {}, clickHouse: {} };

export function render(frame) {
  renderSide("postgres", frame.postgres, frame.clickHouse.problem ? null : frame.clickHouse);
  renderSide("clickHouse", frame.clickHouse, null);
}

/** A database that cannot be read keeps its last rows, greyed, below the reason. */
function renderSide(side, rows, follower) {
  const section = document.getElementById(side);
  const problem = section.querySelector(".problem");
  section.classList.toggle("stale", Boolean(rows.problem));
  problem.hidden = !rows.problem;
  problem.textContent = rows.problem ?? "";
  if (rows.problem) return;
  section.querySelector(".tables").replaceChildren(...Object.keys(tables).map(kind => tableOf(side, kind, rows[kind], follower?.[kind])));
}

function tableOf(side, kind, rows, follower) {
  const { caption, columns } = tables[kind];
  const table = document.createElement("table");
  table.createCaption().textContent = caption;
  table.createTHead().insertRow().append(...Object.values(columns).map(({ title, className }) => cell("th", title, className)));
  const body = table.createTBody();
  const known = before[side][kind];
  const followed = follower && new Map(follower.map(row => [row.id, JSON.stringify(row)]));
  before[side][kind] = new Map(rows.map(row => [row.id, JSON.stringify(row)]));
  for (const row of rows) {
    const text = JSON.stringify(row);
    const line = body.insertRow();
    line.classList.toggle("fresh", Boolean(known) && known.get(row.id) !== text);
    line.classList.toggle("ahead", Boolean(followed) && followed.get(row.id) !== text);
    line.append(...Object.entries(columns).map(([key, { className, format }]) => cell("td", format(row[key]), className)));
  }
  if (!rows.length) body.insertRow().append(Object.assign(cell("td", "nothing yet", "empty"), { colSpan: Object.keys(columns).length }));
  return table;
}

function cell(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.title = text;
  made.className = className;
  if (tag === "th") made.scope = "col";
  return made;
}
