"use strict";

const element = id => document.getElementById(id);
const maxRows = 1000;

const link = new URLSearchParams(location.search);
for (const name of ["user", "database"])
  if (link.has(name)) element(name).value = link.get(name);
if (location.hash.length > 1) element("sql").value = decodeURIComponent(location.hash.slice(1));

element("form").addEventListener("submit", event => {
  event.preventDefault();
  run();
});
element("sql").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});

/** Sends the statement; only what the form allows is allowed by the server, too. */
async function run() {
  const query = new URLSearchParams({
    default_format: "JSONCompact",
    output_format_json_quote_64bit_integers: 1,
    output_format_json_quote_decimals: 1,
    output_format_decimal_trailing_zeros: 1,
  });
  if (element("database").value) query.set("database", element("database").value);
  if (!element("writes").checked) {
    query.set("max_result_rows", maxRows);
    query.set("result_overflow_mode", "break");
    query.set("readonly", 2);
  }
  element("status").textContent = "Running…";
  try {
    const response = await fetch(`/?${query}`, {
      method: "POST",
      body: element("sql").value,
      headers: { "X-ClickHouse-User": element("user").value, "X-ClickHouse-Key": element("password").value },
    });
    const text = await response.text();
    if (!response.ok) return fail(text);
    history.replaceState(null, "", `#${encodeURIComponent(element("sql").value)}`);
    show(text, JSON.parse(response.headers.get("X-ClickHouse-Summary") ?? "{}"));
  } catch (error) {
    fail(`The server does not answer: ${error.message}`);
  }
}

function fail(problem) {
  element("status").textContent = "";
  element("result").hidden = true;
  element("problem").hidden = false;
  element("problem").textContent = problem;
}

function show(text, summary) {
  element("problem").hidden = true;
  const time = summary.elapsed_ns ? `${(summary.elapsed_ns / 1e6).toFixed(1)} ms, ` : "";
  const answer = parse(text);
  element("result").hidden = answer === null;
  if (answer === null) {
    element("status").textContent = `${time}${summary.written_rows ?? 0} rows written. ${text}`;
    return;
  }
  const rows = answer.data.slice(0, maxRows);
  element("status").textContent = `${answer.rows} rows${answer.rows > rows.length ? `, ${rows.length} shown` : ""}, ${time}${summary.read_rows ?? 0} rows read`;
  const isNumber = answer.meta.map(column => /^(Nullable\()?(U?Int|Float|Decimal)/.test(column.type));
  element("result").querySelector("thead").replaceChildren(row(answer.meta.map(column => {
    const head = make("th", column.name);
    head.scope = "col";
    head.append(make("small", column.type));
    return head;
  })));
  element("result").querySelector("tbody").replaceChildren(...rows.map(values => row(values.map((value, i) => {
    const cell = make("td", value === null ? "NULL" : typeof value === "object" ? JSON.stringify(value) : String(value));
    cell.className = value === null ? "null" : isNumber[i] ? "number" : "";
    return cell;
  }))));
}

/** A statement that has no rows, or names a format of its own, answers no JSON of this form. */
function parse(text) {
  try {
    const answer = JSON.parse(text);
    return Array.isArray(answer?.meta) && Array.isArray(answer.data) ? answer : null;
  } catch {
    return null;
  }
}

function row(cells) {
  const line = document.createElement("tr");
  line.append(...cells);
  return line;
}

function make(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
