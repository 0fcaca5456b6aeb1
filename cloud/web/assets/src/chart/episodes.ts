// The row above the lanes: what the shading means, in words where there is room.
import type { Data } from "./data.js";
import { length } from "./times.js";

export const LEFT = 46;
export const RIGHT = 10;
const NAMES = { bat: "On battery", test: "Self-test", gap: "No data" };
const SVG = "http://www.w3.org/2000/svg";

/** Draws the row into `svg`. */
export function episodes(svg: SVGSVGElement, data: Data, width: number): void {
  svg.replaceChildren();
  const inner = width - LEFT - RIGHT;
  const place = (seconds: number) => LEFT + ((seconds - data.from) / (data.to - data.from)) * inner;
  // Words must not overlap: the longest episodes speak first.
  const taken: [number, number][] = [];
  const order = [...data.episodes].sort((a, b) => b.to - b.from - (a.to - a.from));
  for (const episode of order) {
    const left = Math.max(LEFT, place(episode.from));
    const right = Math.min(LEFT + inner, place(episode.to));
    if (right < LEFT || left > LEFT + inner) continue;
    const block = element("rect", { class: `ep-${episode.kind}`, x: left, y: 3, width: Math.max(4, right - left), height: 14, rx: 1.5 });
    svg.append(block);
    taken.push([left, Math.max(right, left + 4)]);
  }
  for (const { kind, from, to } of order.slice(0, 24)) label(svg, `${NAMES[kind]} ${length(to - from)}`, kind, [place(from), place(to)], taken, inner);
}

/** Words beside a block that reaches from one place to another, where there is room. */
export function label(svg: SVGSVGElement, words: string, kind: string, [from, to]: [number, number], taken: [number, number][], inner: number): void {
  const room = words.length * 6.4 + 4;
  const [left, right] = [Math.max(LEFT, from), Math.min(LEFT + inner, Math.max(to, from + 4))];
  const free = (from: number) => from >= 0 && from + room <= LEFT + inner + RIGHT && taken.every(([a, b]) => from + room <= a || from >= b);
  const at = [right + 6, left - 6 - room].find(free);
  if (at === undefined) return;
  taken.push([at, at + room]);
  const after = at > left;
  const text = element("text", { class: `ep-lab--${kind}`, x: after ? at : at + room, y: 14, "text-anchor": after ? "start" : "end" });
  text.textContent = words;
  svg.append(text);
}

export function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
