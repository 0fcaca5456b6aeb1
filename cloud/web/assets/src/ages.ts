// "2 s ago", counted on in the page in the same words as the server's (src/view/words.rs), and the live indicator, which
// must never look more alive than the data.
import { now } from "./clock.js";

const LIVE_MS = 30_000;
const OFFLINE_MS = 15 * 60_000;

/** Starts the ticking. */
export function startAges(): void {
  tick();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}

/** Counts every age on the page. */
export function tick(): void {
  if (document.hidden) return;
  for (const element of document.querySelectorAll<HTMLElement>("[data-age]")) {
    const text = age(now() - Number(element.dataset.age));
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-read]")) {
    const old = now() - Number(element.dataset.read);
    const word = old < LIVE_MS ? "Live" : old <= OFFLINE_MS ? "Late" : "Offline";
    element.classList.toggle("live--late", word === "Late");
    element.classList.toggle("live--off", word === "Offline");
    const fresh = element.querySelector("[data-fresh]");
    if (fresh && fresh.textContent !== word) fresh.textContent = word;
  }
}

/** The words for an age in milliseconds. */
export function age(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  const [count, unit] =
    minutes < 1 ? [Math.floor(Math.max(0, ms) / 1000), "s"]
    : minutes < 60 ? [minutes, "min"]
    : minutes < 2880 ? [Math.floor(minutes / 60), "h"]
    : [Math.floor(minutes / 1440), "d"];
  return `${count}\u00a0${unit} ago`;
}
