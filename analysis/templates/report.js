"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th").forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const body = table.tBodies[0];
      const text = (row) => row.cells[column].textContent.trim();
      const number = (row) => (text(row) === "" ? NaN : Number(text(row)));
      const rows = [...body.rows];
      const numeric = rows.every((row) => text(row) === "" || !Number.isNaN(number(row)));
      rows.sort((a, b) => {
        if (!numeric) return text(a).localeCompare(text(b), "en", { numeric: true });
        const [x, y] = [number(a), number(b)];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return x - y;
      });
      if (down) rows.reverse();
      body.append(...rows);
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
for (const button of document.querySelectorAll("button.copy")) {
  button.setAttribute("aria-label", `Copy the command ${button.previousElementSibling.textContent}`);
  button.addEventListener("click", async () => {
    const text = button.previousElementSibling;
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const copied = await navigator.clipboard.writeText(text.textContent).then(() => true, () => document.execCommand("copy"));
    button.textContent = copied ? "Copied" : "Selected";
  });
}
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((block) => { block.open = true; });
});
