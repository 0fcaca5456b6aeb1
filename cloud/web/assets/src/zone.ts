// The time zone of who types, where a form asks for one and holds none yet.

/** Fills every empty field that asks for it. */
export function startZone(): void {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[data-zone]")) {
    if (input.value === "") input.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
}
