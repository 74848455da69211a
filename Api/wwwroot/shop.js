/** What the buttons do, in words of the API. */

const names = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Alan Turing", "Katherine Johnson"];
const places = [["UK", "London"], ["USA", "New York"], ["Netherlands", "Rotterdam"], ["Germany", "Berlin"], ["Japan", "Kyoto"], ["Brazil", "Recife"]];
const goods = [["Wireless Mouse", "Electronics", 29.99], ["Notebook", "Paper", 4.5], ["Desk Lamp", "Furniture", 49], ["Coffee Beans", "Food", 12.75]];
const statuses = ["pending", "paid", "shipped", "delivered"];

let lastCommit = null;

/** Where in PostgreSQL's log the last write of this page is to be found, or null. */
export const commit = () => lastCommit;

export const pick = list => list[Math.floor(Math.random() * list.length)];

/** One request to the API; an error is what the API says, in a sentence. */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Error("The API does not answer: start the resource api in the dashboard, or dotnet run --project AppHost.");
  }
  lastCommit = response.headers.get("X-Commit-Lsn") ?? lastCommit;
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `The API answers ${response.status}.`);
  return answer;
}

async function products() {
  const known = await call("GET", "/api/products?limit=20");
  return known.length ? known : Promise.all(goods.map(([name, category, price]) => call("POST", "/api/products", { name, category, price })));
}

function customer() {
  const name = pick(names);
  const [country, city] = pick(places);
  return call("POST", "/api/customers", { email: `${name.split(" ")[0].toLowerCase()}.${Math.random().toString(36).slice(2)}@example.com`, name, country, city });
}

/** Each takes the newest order, writes, and returns what has been done, as a sentence. */
export const actions = {
  async add() {
    const [choice, who] = await Promise.all([products(), customer()]);
    const items = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => {
      const product = pick(choice);
      return { productId: product.id, quantity: 1 + Math.floor(Math.random() * 4), price: product.price };
    });
    const total = items.reduce((sum, item) => sum + item.quantity * item.price, 0).toFixed(2);
    const { id } = await call("POST", "/api/orders", { customerId: who.id, total, items });
    return `Order ${id} of ${who.name}, with ${items.length} ${items.length === 1 ? "item" : "items"}`;
  },

  async status(newest) {
    const status = statuses[(statuses.indexOf(newest.status) + 1) % statuses.length];
    await call("PATCH", `/api/orders/${newest.id}`, { status });
    return `Order ${newest.id} as ${status}`;
  },

  async city(newest) {
    const { customerId } = await call("GET", `/api/orders/${newest.id}`);
    const [country, city] = pick(places.filter(([, name]) => name !== newest.city));
    await call("PATCH", `/api/customers/${customerId}`, { country, city });
    return `${newest.customer}'s move to ${city}, in every order and item,`;
  },

  async remove(newest) {
    await call("DELETE", `/api/orders/${newest.id}`);
    return `The end of order ${newest.id} and its items`;
  },
};
