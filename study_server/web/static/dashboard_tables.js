// Tables that sort by any of their columns: a press on its heading, and once more for the other way round.

const chosen = new Map(); // name of the table → {column, isDown}: kept when its rows are replaced

const NOTHING = /^[–-]?$/;

// A number alone, whatever stands between its digits. Moments, sizes and "9 of 50" begin with one and are none: they are texts, of
// which the numbers are compared one after the other.
const NUMBER = /^[−-]?\d[\d\s,]*(\.\d+)?(\s?%)?$/;

// Of a cell, what it is sorted by.
function valueOf(row, column) {
  const text = row.cells[column]?.textContent.trim() ?? "";
  return { text, number: NUMBER.test(text) ? Number.parseFloat(text.replace(/[\s,]/g, "").replace("−", "-")) : NaN };
}

function compare(one, other) {
  const [isNothing, isOtherNothing] = [one, other].map(({ text }) => NOTHING.test(text));
  if (isNothing || isOtherNothing) return isNothing - isOtherNothing;
  if (!Number.isNaN(one.number) && !Number.isNaN(other.number)) return one.number - other.number;
  return one.text.localeCompare(other.text, "en", { numeric: true });
}

function sort(table, { column, isDown }) {
  const body = table.tBodies[0];
  const rows = [...body.rows].filter((row) => row.cells.length > 1);
  const values = new Map(rows.map((row) => [row, valueOf(row, column)]));
  rows.sort((one, other) => {
    const order = compare(values.get(one), values.get(other));
    const isEitherNothing = [one, other].some((row) => NOTHING.test(values.get(row).text));
    return isDown && !isEitherNothing ? -order : order; // what is not known comes last either way
  });
  body.append(...rows);
  for (const [index, heading] of [...table.tHead.rows[0].cells].entries()) {
    if (index === column) heading.ariaSort = isDown ? "descending" : "ascending";
    else heading.removeAttribute("aria-sort");
  }
}

// Gives the headings of all tables that sort a button, and sorts those that were sorted before.
export function makeSortable() {
  for (const table of document.querySelectorAll("table[data-sorts]")) {
    const name = table.dataset.sorts;
    for (const [column, heading] of [...table.tHead.rows[0].cells].entries()) {
      if (heading.querySelector("button")) continue;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "heading" });
      button.id = `sort-${name}-${column}`;
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const before = chosen.get(name);
        chosen.set(name, { column, isDown: before?.column === column && !before.isDown });
        sort(table, chosen.get(name));
      });
    }
    if (chosen.has(name)) sort(table, chosen.get(name));
  }
}
