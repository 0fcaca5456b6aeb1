// The tab of this page is in sight where the row of tabs is wider than the window.

/** Scrolls the row, never the page. */
export function startTabs(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".viewtabs [aria-current]")) {
    const row = tab.parentElement;
    if (row) row.scrollLeft = tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2 - row.offsetLeft;
  }
}
