// Push messages: asks the browser whether it may show messages, subscribes with the server's key, and sends what came of it
// as the form's own fields. The form is shown only where the browser can; every failure is said beside the button.

const key = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const encode = (bytes: ArrayBuffer | null): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Shows the form where messages can be pushed. */
export function startPush(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-push]");
  if (!form || !("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return;
  for (const missing of document.querySelectorAll<HTMLElement>("[data-push-missing]")) missing.hidden = true;
  form.hidden = false;
  const button = form.querySelector<HTMLButtonElement>("button");
  button?.addEventListener("click", () => void subscribe(form, button));
}

async function subscribe(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  say(form, "");
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") {
      say(form, "This browser does not show messages of this site. Allow it in the browser's settings, then try again.");
      return;
    }
    await navigator.serviceWorker.register("/service-worker.js");
    const worker = await navigator.serviceWorker.ready;
    // One that was made under another key of the server would get nothing.
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    const applicationServerKey = key(form.dataset.push ?? "");
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    const fields = { endpoint: made.endpoint, p256dh: encode(made.getKey("p256dh")), auth: encode(made.getKey("auth")) };
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    form.submit();
  } catch {
    say(form, "That did not work: the browser's push service cannot be reached, or it is switched off. Try again.");
  } finally {
    button.disabled = false;
  }
}

function say(form: HTMLFormElement, text: string): void {
  const line = form.querySelector<HTMLElement>(".error");
  const span = line?.querySelector("span");
  if (!line || !span) return;
  span.textContent = text;
  line.hidden = !text;
}
