// Keys: `/` search, `g f` Fleet, `j` `k` rows, `?` the list of keys. They can be switched off in that list (WCAG 2.1.4);
// the choice stays in this browser.
const STORE = "keys";
const KEYS: [string[], string][] = [
  [["/"], "Find an inverter"],
  [["g", "f"], "Go to Fleet"],
  [["j"], "Next inverter"],
  [["k"], "Inverter before"],
  [["Enter"], "Open it"],
  [["?"], "This list"],
];

let first = "";

/** Starts listening. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog")) return;
    if (event.key !== "?" && off()) return;
    const key = first + event.key;
    first = "";
    switch (key) {
      case "/": return take(event, () => document.querySelector<HTMLInputElement>("input[type=search]")?.focus());
      case "g": first = "g"; return;
      case "gf": return take(event, () => location.assign("/fleet"));
      case "j": return take(event, () => move(1));
      case "k": return take(event, () => move(-1));
      case "?": return take(event, list);
    }
  });
}

function take(event: KeyboardEvent, act: () => void): void {
  event.preventDefault();
  act();
}

function move(by: number): void {
  const rows = Array.from(document.querySelectorAll<HTMLAnchorElement>(".frow > a"));
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))]?.focus();
}

function off(): boolean {
  try {
    return localStorage.getItem(STORE) === "off";
  } catch {
    return false;
  }
}

function list(): void {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const rows = KEYS.map(([keys, words]) => `<dt>${keys.map((key) => `<kbd>${key}</kbd>`).join("")}</dt><dd>${words}</dd>`);
  dialog.innerHTML =
    `<div class="dialog__head"><h2 id="keys-title">Keys</h2><button class="btn btn--quiet">Close</button></div>` +
    `<div class="dialog__body"><dl class="keys">${rows.join("")}</dl>` +
    `<label class="check"><input type="checkbox"><span>Use these keys in this browser</span></label></div>`;
  const box = dialog.querySelector("input");
  if (box) {
    box.checked = !off();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem(STORE, box.checked ? "on" : "off");
      } catch {
        // A browser that keeps nothing asks again next time.
      }
    });
  }
  dialog.querySelector("button")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
