// The rules of a new password, marked while one types. The server judges with its lists and estimate when the form is
// sent; what only it can know stays unmarked here.

/** Most characters, as code points; the least and the words of the lines are the server's. */
const MOST = 128;
/** This site's own words, and the shortest that counts. */
const OURS = ["inverterconnect", "inverters", "inverter", "connect", "emergency"];
const SHORTEST_WORD = 4;
/** Fewer different characters than this are a pattern. */
const DIFFERENT = 6;

/** Starts on every field that names a list of rules. */
export function startPassword(): void {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[data-rules]")) {
    const list = document.getElementById(input.dataset.rules ?? "");
    const said = document.getElementById("rules-said");
    if (!list) continue;
    const least = Number(input.dataset.least ?? "15");
    const mark = () => {
      const kept = judge(input.value, ownWords(input), least);
      for (const line of list.querySelectorAll<HTMLLIElement>("li[data-rule]")) {
        const is = input.value === "" ? undefined : kept[line.dataset.rule ?? ""];
        line.toggleAttribute("data-ok", is === true);
        line.toggleAttribute("data-no", is === false);
      }
      if (said) {
        const missing = least - [...input.value].length;
        said.textContent = missing > 0 && input.value !== "" ? `${missing} more characters` : "";
      }
    };
    input.addEventListener("input", mark);
    document.getElementById("name")?.addEventListener("input", mark);
  }
}

/** The address and names of this person, and what else is typed beside. */
function ownWords(input: HTMLInputElement): string[] {
  const name = document.getElementById("name");
  const typed = name instanceof HTMLInputElement ? name.value : "";
  const texts = `${input.dataset.words ?? ""} ${typed}`.toLowerCase();
  const words = texts.split(/[^\p{L}\p{N}]+/u).filter((word) => [...word].length >= SHORTEST_WORD);
  return [...new Set([...words, ...OURS])].sort((a, b) => b.length - a.length);
}

/** Each rule that can be told here: kept, broken, or not known (left out). */
function judge(password: string, own: string[], least: number): Record<string, boolean> {
  const characters = [...password];
  const kept: Record<string, boolean> = {
    length: characters.length >= least,
    longest: characters.length <= MOST,
  };
  let rest = password.toLowerCase();
  for (const word of own) rest = rest.split(word).join("");
  const without = [...rest].length;
  // Enough beside one's own words is fine; little beside them is not; between the two the server decides.
  if (without >= least || without === characters.length) kept.yours = true;
  else if (without < DIFFERENT) kept.yours = false;
  if (new Set(characters).size < DIFFERENT) kept.guess = false;
  return kept;
}
