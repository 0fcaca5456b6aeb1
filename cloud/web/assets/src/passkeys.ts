// Passkeys: asks the authenticator what the server wants to know and sends its answer as the form's own fields. A form is
// shown only where the browser knows passkeys; every failure is said beside the button, in words.

const decode = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const encode = (bytes: ArrayBuffer | null): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

interface Named {
  id: string;
  type: "public-key";
}

interface Asked {
  challenge: string;
  user?: { id: string; name: string; displayName: string };
  excludeCredentials?: Named[];
}

/** Shows the forms that this browser can fill in. */
export function startPasskeys(): void {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const missing of document.querySelectorAll<HTMLElement>("[data-passkey-missing]")) missing.hidden = true;
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) {
    form.hidden = false;
    const button = form.querySelector<HTMLButtonElement>("button");
    button?.addEventListener("click", () => void run(form, button));
    // Enter in the name's field is the button, too.
    form.addEventListener("submit", (event) => {
      if (form.dataset.passkey === "create" && !form.elements.namedItem("attestation")) {
        event.preventDefault();
        button?.click();
      }
    });
  }
}

async function run(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  if (!form.reportValidity()) return;
  say(form, "");
  button.disabled = true;
  try {
    const asked = await options(form);
    if (!asked) return;
    const fields = form.dataset.passkey === "create" ? await create(asked) : await get(asked);
    const remember = document.getElementById(form.dataset.remember ?? "");
    if (remember instanceof HTMLInputElement && remember.checked) fields.remember = "on";
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    form.submit();
  } catch (error) {
    say(form, words(error));
  } finally {
    button.disabled = false;
  }
}

/** What the server asks; nothing where it asks for a sign-in or a fresh proof first, and the page goes there. */
async function options(form: HTMLFormElement): Promise<Asked | null> {
  const response = await fetch(form.dataset.options ?? "", { headers: { accept: "application/json" } });
  if (response.redirected) {
    location.reload();
    return null;
  }
  if (!response.ok) throw new Error("options");
  return (await response.json()) as Asked;
}

async function create(asked: Asked): Promise<Record<string, string>> {
  const publicKey = {
    ...asked,
    challenge: decode(asked.challenge),
    user: asked.user && { ...asked.user, id: decode(asked.user.id) },
    excludeCredentials: asked.excludeCredentials?.map((known) => ({ ...known, id: decode(known.id) })),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return { client_data: encode(response.clientDataJSON), attestation: encode(response.attestationObject) };
}

async function get(asked: Asked): Promise<Record<string, string>> {
  const publicKey = { ...asked, challenge: decode(asked.challenge) } as unknown as PublicKeyCredentialRequestOptions;
  const found = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = found.response as AuthenticatorAssertionResponse;
  return {
    id: encode(found.rawId),
    client_data: encode(response.clientDataJSON),
    authenticator_data: encode(response.authenticatorData),
    signature: encode(response.signature),
    user_handle: encode(response.userHandle),
  };
}

/** What to do, by the name that browsers give the failure. */
const FAILURES: Record<string, string> = {
  NotAllowedError: "It was stopped, or took too long. Try again when you are ready.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "This browser does not allow passkeys at this address.",
  NotSupportedError: "This device cannot make a passkey that asks for your fingerprint, face or PIN.",
  ConstraintError: "This device cannot ask for your fingerprint, face or PIN. Set up its screen lock first.",
};

function words(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  return FAILURES[name] ?? "That did not work. Check the connection and try again.";
}

function say(form: HTMLFormElement, text: string): void {
  const line = form.querySelector<HTMLElement>(".error");
  const span = line?.querySelector("span");
  if (!line || !span) return;
  span.textContent = text;
  line.hidden = !text;
}
