// The service worker: shows what is pushed, opens its page, and brings back the proof that messages arrive. It keeps
// nothing and answers for no page: every page comes from the server, as without it.

interface Message {
  kind?: string;
  title?: string;
  body?: string;
  url?: string;
  tag?: string;
  proof?: string;
}

interface Shown extends Event {
  waitUntil(what: Promise<unknown>): void;
  data?: { json(): unknown };
  notification?: { close(): void; data: unknown };
}

interface Worker {
  addEventListener(name: "push" | "notificationclick" | "install" | "activate", what: (event: Shown) => void): void;
  skipWaiting(): Promise<void>;
  location: { origin: string };
  registration: { showNotification(title: string, options: Record<string, unknown>): Promise<void> };
  clients: { claim(): Promise<void>; openWindow(url: string): Promise<unknown> };
}

const worker = self as unknown as Worker;

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("push", (event) => event.waitUntil(show(read(event))));
worker.addEventListener("notificationclick", (event) => {
  event.notification?.close();
  event.waitUntil(worker.clients.openWindow(own(event.notification?.data)));
});

function read(event: Shown): Message {
  try {
    return (event.data?.json() ?? {}) as Message;
  } catch {
    return {};
  }
}

async function show(message: Message): Promise<void> {
  const options = { body: message.body ?? "", tag: message.tag ?? message.kind, renotify: Boolean(message.tag ?? message.kind), data: message.url };
  await worker.registration.showNotification(message.title ?? "Inverter Connect", options);
  if (message.proof) {
    await fetch("/push/arrived", { method: "POST", body: new URLSearchParams({ proof: message.proof }) });
  }
}

/** Only pages of this site are opened. */
function own(url: unknown): string {
  const here = worker.location.origin;
  const page = new URL(typeof url === "string" ? url : "/alarms", here);
  return page.origin === here ? page.href : `${here}/alarms`;
}
