// Server time, so that a browser's wrong clock does not make a value look older or newer than it is.
let offset = 0;

/** Takes the server's time, milliseconds since 1970. */
export function setNow(server: number): void {
  if (Number.isFinite(server) && server > 0) offset = server - Date.now();
}

/** Now by the server's clock. */
export function now(): number {
  return Date.now() + offset;
}

setNow(Number(document.body.dataset.now));
