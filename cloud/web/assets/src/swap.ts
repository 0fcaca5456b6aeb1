// Puts fragments from the server in place of the elements with the same ids. What is open stays open, what has the focus
// keeps it, what changed tints once.
import { tick } from "./ages.js";

/** Parses HTML of our own server. */
export function parse(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Swaps each top-level element of the fragment that the page has. */
export function swap(fragment: DocumentFragment | Element): void {
  const focused = document.activeElement?.id;
  for (const fresh of Array.from(fragment.children)) {
    const old = fresh.id ? document.getElementById(fresh.id) : null;
    if (!old || old.outerHTML === fresh.outerHTML) continue;
    mark(old, fresh);
    announce(old, fresh);
    keep(old, fresh);
    old.replaceWith(fresh);
    const title = (fresh as HTMLElement).dataset.title;
    if (title) document.title = `${title} · Inverter Connect`;
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tick();
}

/** What the reader opened stays open, what the reader typed stays typed. */
function keep(old: Element, fresh: Element): void {
  for (const open of old.querySelectorAll<HTMLDetailsElement>("details[id][open]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  for (const was of old.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input[id], select[id]")) {
    const is = fresh.querySelector<HTMLInputElement | HTMLSelectElement>(`#${CSS.escape(was.id)}`);
    if (is && is.value !== was.value) is.value = was.value;
  }
}

/** Tints values that differ. */
function mark(old: Element, fresh: Element): void {
  const before = old.querySelectorAll("[data-flash]");
  fresh.querySelectorAll("[data-flash]").forEach((element, at) => {
    const was = before[at];
    if (was && was.textContent !== element.textContent) element.classList.add("changed");
  });
  if (old.matches(".frow") && old.getAttribute("data-s") !== fresh.getAttribute("data-s")) fresh.classList.add("changed");
}

/** Says a change of state once: at once where the lights are at stake, else when the reader pauses. */
function announce(old: Element, fresh: Element): void {
  const words = (fresh as HTMLElement).dataset.announce;
  const state = fresh.getAttribute("data-s");
  if (!words || (old as HTMLElement).dataset.announce === words) return;
  const urgent = state === "bat" || state === "alarm";
  const region = document.createElement("p");
  region.className = "sr";
  region.setAttribute("role", urgent ? "alert" : "status");
  document.body.append(region);
  setTimeout(() => (region.textContent = words), 50);
  setTimeout(() => region.remove(), 10_000);
}
