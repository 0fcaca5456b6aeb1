// Forms that are not sent twice, and a button that shows the password. Values are never cleared.

/** Starts both. */
export function startForms(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-once]")) {
    const button = form.querySelector<HTMLButtonElement>("button:not([type=button])");
    // As nodes: a button may hold an icon, or words for those who hear the page.
    const face = button ? [...button.childNodes] : [];
    let sending = false;
    form.addEventListener("submit", (event) => {
      if (sending) event.preventDefault();
      sending = true;
      if (button && form.dataset.once) button.textContent = form.dataset.once;
    });
    // The back button brings the page as it was left.
    window.addEventListener("pageshow", () => {
      if (sending) button?.replaceChildren(...face);
      sending = false;
    });
  }
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
