const names = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Alan Turing", "Katherine Johnson"];
const places = [["UK", "London"], ["USA", "New York"], ["Netherlands", "Rotterdam"], ["Germany", "Berlin"], ["Japan", "Kyoto"], ["Brazil", "Recife"]];
const goods = [["Wireless Mouse", "Electronics", 29.99], ["Notebook", "Paper", 4.5], ["Desk Lamp", "Furniture", 49], ["Coffee Beans", "Food", 12.75]];
const statuses = ["pending", "paid", "shipped", "delivered"];

const $ = id => document.getElementById(id);
const pick = list => list[Math.floor(Math.random() * list.length)];
const samples = [];
let newest = null; // the newest order of PostgreSQL

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? response.statusText);
  return answer;
}

const post = (path, body) => call("POST", path, body);

async function randomProducts() {
  const known = await call("GET", "/api/products?limit=20");
  if (known.length) return known;
  return Promise.all(goods.map(([name, category, price]) => post("/api/products", { name, category, price })));
}

async function randomCustomer() {
  const name = pick(names);
  const [country, city] = pick(places);
  return post("/api/customers", { email: `${name.split(" ")[0].toLowerCase()}.${crypto.randomUUID().slice(0, 8)}@example.com`, name, country, city });
}

const actions = {
  async add() {
    const [products, customer] = await Promise.all([randomProducts(), randomCustomer()]);
    const items = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => {
      const product = pick(products);
      return { productId: product.id, quantity: 1 + Math.floor(Math.random() * 4), price: product.price };
    });
    const total = items.reduce((sum, item) => sum + item.quantity * item.price, 0).toFixed(2);
    let order;
    await timed(async () => {
      order = await post("/api/orders", { customerId: customer.id, total, items });
      return `/live/orders/${order.id}/seen`;
    });
    return `Order ${order.id} of ${customer.name}, ${items.length} item(s)`;
  },
  async status() {
    const order = await call("GET", `/api/orders/${newest.id}`);
    const status = statuses[(statuses.indexOf(order.status) + 1) % statuses.length];
    await timed(async () => {
      await call("PATCH", `/api/orders/${order.id}`, { status });
      return `/live/orders/${order.id}/seen?status=${encodeURIComponent(status)}`;
    });
    return `Order ${order.id} is ${status}`;
  },
  async city() {
    const order = await call("GET", `/api/orders/${newest.id}`);
    const [country, city] = pick(places.filter(([, name]) => name !== newest.city));
    await timed(async () => {
      await call("PATCH", `/api/customers/${order.customerId}`, { country, city });
      return `/live/orders/${order.id}/seen?city=${encodeURIComponent(city)}`;
    });
    return `The customer of order ${order.id} moved to ${city}: each of their orders and items follows`;
  },
  async remove() {
    const id = newest.id;
    await timed(async () => {
      await call("DELETE", `/api/orders/${id}`);
      return `/live/orders/${id}/seen?deleted=true`;
    });
    return `Order ${id} is gone, and its items with it`;
  },
};

/** Measures from the start of a write until ClickHouse shows it; both requests are part of the figure. */
async function timed(write) {
  const began = performance.now();
  await call("GET", await write());
  samples.push(performance.now() - began);
  if (samples.length > 200) samples.shift();
  $("last").textContent = milliseconds(samples.at(-1));
  $("median").textContent = milliseconds([...samples].sort((a, b) => a - b)[samples.length >> 1]);
  $("samples").textContent = samples.length;
}

const milliseconds = value => `${value.toFixed(0)} ms`;

async function run(name) {
  setBusy(true);
  try {
    say(await actions[name]());
  } catch (error) {
    say(error.message, true);
    $("auto").checked = false;
  }
  setBusy(false);
}

function say(text, isProblem = false) {
  $("message").textContent = text;
  $("message").classList.toggle("problem", isProblem);
}

function setBusy(busy) {
  for (const name of Object.keys(actions)) $(name).disabled = busy || (name !== "add" && !newest);
}

for (const name of Object.keys(actions)) $(name).addEventListener("click", () => run(name));

$("auto").addEventListener("change", async () => {
  while ($("auto").checked) {
    await run(newest ? pick(["add", "add", "status", "city", "remove"]) : "add");
    await new Promise(resolve => setTimeout(resolve, 400));
  }
});

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const tables = {
  orders: { caption: "Orders", columns: { id: "order", customer: "customer", city: "city", status: "status", total: "total" } },
  items: { caption: "Items", columns: { id: "item", orderId: "order", product: "product", city: "city", quantity: "qty", revenue: "revenue" } },
};
const shown = { postgres: {}, clickHouse: {} };

function render(side, rows) {
  const target = $(side);
  if (rows.problem) {
    target.replaceChildren(element("p", rows.problem, "empty"));
    return;
  }
  target.replaceChildren(...Object.entries(tables).map(([kind, { caption, columns }]) => {
    const table = document.createElement("table");
    table.createCaption().textContent = caption;
    table.createTHead().insertRow().append(...Object.entries(columns).map(([key, title]) => element("th", title, isNumber(rows[kind][0]?.[key]))));
    const body = table.createTBody();
    const before = shown[side][kind];
    shown[side][kind] = new Map(rows[kind].map(row => [row.id, JSON.stringify(row)]));
    for (const row of rows[kind]) {
      const line = body.insertRow();
      if (before && before.get(row.id) !== JSON.stringify(row)) line.className = "fresh";
      line.append(...Object.keys(columns).map(key => element("td", key === "total" || key === "revenue" ? money.format(row[key]) : row[key], isNumber(row[key]))));
    }
    if (!rows[kind].length) body.insertRow().append(element("td", "nothing yet", "empty"));
    return table;
  }));
}

const isNumber = value => typeof value === "number" ? "number" : "";

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

let last = "";
const frames = new EventSource("/live/frames");
frames.onmessage = event => {
  if (event.data === last) return;
  last = event.data;
  const frame = JSON.parse(event.data);
  newest = frame.postgres.orders[0] ?? null;
  render("postgres", frame.postgres);
  render("clickHouse", frame.clickHouse);
  if (!$("add").disabled) setBusy(false);
};
frames.onerror = () => say("The API does not answer; trying again …", true);
frames.onopen = () => say("");
setBusy(false);
