// What is left of an attempt at pairing: figures and ring each second, words each minute for who cannot see them. How
// it ends is the server's to say (`go` of the stream); this only counts.
import { now } from "./clock.js";

/** Length of the ring, in the drawing's units (src/pages/pair/attempt.rs). */
const RING = 326.7;

/** Starts the counting. */
export function startCountdown(): void {
  const ring = document.querySelector<SVGElement>(".ring[data-until]");
  if (!ring) return;
  const until = Number(ring.dataset.until);
  const whole = Number(ring.dataset.window);
  const status = document.getElementById("left");
  let said = -1;
  const tick = () => {
    const left = Math.min(Math.max(0, until - now()), whole);
    const seconds = Math.floor(left / 1000);
    const clock = ring.querySelector("[data-clock]");
    if (clock) clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    ring.querySelector(".ring__val")?.setAttribute("stroke-dasharray", `${((RING * left) / whole).toFixed(1)} ${RING}`);
    const minutes = Math.ceil(left / 60_000);
    if (minutes === said) return;
    const words = `${minutes} minute${minutes === 1 ? "" : "s"} left`;
    ring.setAttribute("aria-label", words);
    // The page has said it once already.
    if (said >= 0 && status) status.textContent = words;
    said = minutes;
  };
  tick();
  setInterval(tick, 500);
}
