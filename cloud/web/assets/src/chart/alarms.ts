// The row of alarms above the lanes: a bar from raise to end for each, in words where there is room. What each weighs is told
// by its shape and height, so that colour only helps. The list below the chart says the same to keys and screen readers.
import type { Alarm, Data } from "./data.js";
import { LEFT, RIGHT, element, label } from "./episodes.js";

/** Severity, its word, where its bar begins and how high it is. */
const SHAPES: Record<Alarm["severity"], [string, number, number]> = { critical: ["Critical", 2, 16], warning: ["Warning", 7, 11], info: ["Info", 13, 4] };

/** Draws the row; hidden where there is no alarm. */
export function alarms(svg: SVGSVGElement, data: Data, width: number): void {
  svg.replaceChildren();
  svg.toggleAttribute("hidden", data.alarms.length === 0);
  const inner = width - LEFT - RIGHT;
  const place = (seconds: number) => LEFT + ((seconds - data.from) / (data.to - data.from)) * inner;
  const taken: [number, number][] = [];
  for (const alarm of data.alarms) {
    const [, y, height] = SHAPES[alarm.severity];
    const left = Math.max(LEFT, place(alarm.from));
    const right = Math.min(LEFT + inner, Math.max(place(alarm.to), left + 4));
    const link = element("a", { href: `/a/${alarm.code}`, tabindex: -1 });
    const title = element("title", {});
    title.textContent = alarm.title;
    link.append(title, element("rect", { class: `al-${alarm.severity}`, x: left, y, width: Math.max(4, right - left), height, rx: 1.5 }));
    svg.append(link);
    taken.push([left, right]);
  }
  for (const { title, from, to } of data.alarms.slice(0, 24)) label(svg, title, "alarm", [place(from), place(to)], taken, inner);
}

/** What the shapes mean; empty where there is no alarm. */
export function legend(parent: HTMLElement, data: Data): void {
  const shown = (Object.keys(SHAPES) as Alarm["severity"][]).filter((severity) => data.alarms.some((alarm) => alarm.severity === severity));
  parent.replaceChildren();
  parent.hidden = shown.length === 0;
  if (parent.hidden) return;
  parent.append("Alarms:");
  for (const severity of shown) {
    const [word, y, height] = SHAPES[severity];
    const swatch = element("svg", { viewBox: "0 0 22 20", width: 22, height: 20, "aria-hidden": "true" });
    swatch.append(element("rect", { class: `al-${severity}`, x: 1, y, width: 20, height, rx: 1.5 }));
    const item = document.createElement("span");
    item.append(swatch, word);
    parent.append(item);
  }
}
