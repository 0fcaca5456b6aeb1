// One event stream per page: fragments as they change. When contact is lost the page says so and its ages count on; a
// page that nobody looks at lets go of its stream after a while.
import { now, setNow } from "./clock.js";
import { parse, swap } from "./swap.js";

/** Contact lost for this long is worth a word, milliseconds. */
const LOST_MS = 6_000;
/** The server says something at least every 15 s; silence beyond this is a dead connection, milliseconds. */
const SILENT_MS = 45_000;
/** A hidden page keeps its stream this long, milliseconds. */
const HIDDEN_MS = 60_000;

let source: EventSource | null = null;
let heard = 0;
let lost = 0;
let waits = 1_000;
let retry = 0;
let hidden = 0;

/** Starts the stream that the page names. */
export function startStream(): void {
  if (!document.body.dataset.stream || !("EventSource" in window)) return;
  open();
  setInterval(watch, 1_000);
  document.addEventListener("visibilitychange", () => {
    window.clearTimeout(hidden);
    if (document.hidden) hidden = window.setTimeout(close, HIDDEN_MS);
    else if (!source) open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && !source) open();
  });
}

/** Opens another stream in place of this one: the page shows something else now. */
export function restart(address: string): void {
  document.body.dataset.stream = address;
  close();
  open();
}

function open(): void {
  close();
  heard = now();
  const address = document.body.dataset.stream;
  if (!address) return;
  const opened = new EventSource(address);
  source = opened;
  const on = (name: string, take: (data: string) => void) =>
    opened.addEventListener(name, (event) => {
      heard = now();
      take((event as MessageEvent<string>).data);
    });
  on("now", (data) => {
    setNow(Number(data));
    heard = now();
    waits = 1_000;
    found();
  });
  on("fragment", (data) => {
    found();
    const fragment = parse(data);
    swap(fragment);
    document.dispatchEvent(new CustomEvent("fresh"));
  });
  on("go", (data) => {
    close();
    if (data.startsWith("/")) location.replace(data);
  });
  on("signed-out", (data) => {
    close();
    location.assign(data.startsWith("/") ? data : "/sign-in");
  });
  opened.onerror = () => {
    lost ||= now();
    // The browser retries by itself unless the server refused.
    if (opened.readyState === EventSource.CLOSED) again();
  };
}

function close(): void {
  window.clearTimeout(retry);
  source?.close();
  source = null;
}

function again(): void {
  close();
  retry = window.setTimeout(open, waits);
  waits = Math.min(waits * 2, 30_000);
}

function watch(): void {
  if (source && now() - heard > SILENT_MS) {
    lost ||= heard;
    again();
  }
  const banner = document.getElementById("lost");
  if (!banner || !lost || now() - lost < LOST_MS || !banner.hidden) return;
  const since = document.getElementById("lost-since");
  if (since) since.textContent = new Date(lost).toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" });
  banner.hidden = false;
}

function found(): void {
  lost = 0;
  const banner = document.getElementById("lost");
  if (banner) banner.hidden = true;
}
