// Forms that are not sent twice, and a button that shows the password. Values are never cleared.

/** Starts both. */
export function startForms(): void {
  // Asked of the document: a form may have come with a fragment.
  const sent = new Map<HTMLFormElement, ChildNode[]>();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.once) return;
    if (sent.has(form)) return event.preventDefault();
    const button = form.querySelector<HTMLButtonElement>("button:not([type=button])");
    // As nodes: a button may hold an icon, or words for those who hear the page.
    sent.set(form, button ? [...button.childNodes] : []);
    if (button) button.textContent = form.dataset.once;
  });
  // The back button brings the page as it was left.
  window.addEventListener("pageshow", () => {
    for (const [form, face] of sent) form.querySelector("button:not([type=button])")?.replaceChildren(...face);
    sent.clear();
  });
  for (const input of document.querySelectorAll<HTMLInputElement>(".inputwrap input[type=password]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "iconbtn";
    button.innerHTML = '<svg class="i" aria-hidden="true" viewBox="0 0 24 24"><use href="#i-eye"/></svg>';
    button.setAttribute("aria-label", "Show password");
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
    });
    input.after(button);
  }
}
