// The fleet's filter without loading the page anew: the address still says what is shown.
import { restart } from "./stream.js";
import { swap } from "./swap.js";

/** Pause after the last key before the list is asked for, milliseconds. */
const PAUSE_MS = 200;

/** Starts the filter. */
export function startFilter(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-filter]");
  if (!form) return;
  let timer = 0;
  let asked: AbortController | null = null;
  const show = async (): Promise<void> => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.set(name, String(value));
    const address = query.size ? `${form.action}?${query}` : form.action;
    asked?.abort();
    asked = new AbortController();
    try {
      const response = await fetch(address, { signal: asked.signal });
      if (!response.ok || response.redirected) return location.assign(address);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = ["answer", "list"].map((id) => page.getElementById(id)).filter((element) => element !== null);
      const fragment = document.createDocumentFragment();
      fragment.append(...fresh);
      swap(fragment);
      history.replaceState(null, "", address);
      const stream = page.body.dataset.stream;
      if (stream) restart(stream);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) location.assign(address);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void show();
  });
  form.addEventListener("change", () => void show());
  form.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void show(), PAUSE_MS);
  });
}
