// One lane: one quantity on its own scale, drawn by uPlot. Ink line of the mean, a band from least to greatest, shading
// where the battery fed the load, hatching where no reading came. The line never crosses a gap.
import uPlot from "uplot";
import type { Data, Episode, Line } from "./data.js";
import { kilo, text, value, type Look } from "./look.js";
import { tick, ticks } from "./times.js";

/** Room for the numbers left of the lane, as in the stylesheet. */
const LEFT = 46;
const RIGHT = 10;
/** Lines that are read against nothing: their scale begins at zero. */
const FROM_ZERO = /^(input|output).*(voltage|current)$|power|load|charge$|runtime$/;

export interface Lane {
  plot: uPlot;
  line: Line;
  head: HTMLElement;
}

export interface LaneOptions {
  look: Look;
  zone: string;
  width: number;
  height: number;
  last: boolean;
  sync: string;
  onCursor: (index: number | null) => void;
  onSelect: (from: number, to: number) => void;
}

/** Draws a lane into `parent`. */
export function lane(parent: HTMLElement, data: Data, line: Line, options: LaneOptions): Lane {
  const { look } = options;
  const box = document.createElement("div");
  box.className = "lane";
  box.setAttribute("aria-hidden", "true");
  const head = document.createElement("p");
  head.className = "lane__head";
  const name = document.createElement("b");
  name.textContent = line.label;
  const newest = document.createElement("span");
  newest.textContent = last(line);
  head.append(name, newest);
  box.append(head);
  parent.append(box);
  const episodes = (): Episode[] => data.episodes;
  const band = (alpha: string) => look.ink + alpha;
  const plot = new uPlot(
    {
      width: options.width,
      height: options.height + (options.last ? 26 : 8),
      padding: [6, RIGHT, options.last ? 0 : 6, 0],
      legend: { show: false },
      cursor: {
        sync: { key: options.sync },
        y: false,
        points: { size: 9, fill: look.surface, stroke: look.ink, width: 2, show: (self, index) => point(self, index) },
        drag: { x: true, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: () => [data.from, data.to] },
        y: { range: (_self, low, high) => extent(line, low, high) },
      },
      axes: [
        {
          show: options.last,
          size: 26,
          gap: 4,
          font: look.font,
          stroke: look.ink3,
          grid: { show: false },
          ticks: { show: false },
          splits: (self) => ticks(options.zone, data.from, data.to, room(self.bbox.width, data)).at,
          values: (self, splits) => {
            const { step } = ticks(options.zone, data.from, data.to, room(self.bbox.width, data));
            return splits.map((at) => tick(options.zone, at, step));
          },
        },
        {
          size: LEFT,
          gap: 6,
          font: look.font,
          stroke: look.ink3,
          grid: { stroke: look.line, width: 1 },
          ticks: { show: false },
          splits: (_self, _axis, low, high) => [low, (low + high) / 2, high],
          values: (_self, splits) => splits.map((split) => axis(split, splits, line)),
        },
      ],
      series: [
        {},
        { scale: "y", stroke: "transparent", points: { show: false }, spanGaps: false },
        { scale: "y", stroke: "transparent", points: { show: false }, spanGaps: false },
        { scale: "y", stroke: look.ink, width: 1.6, points: { show: false }, spanGaps: false },
      ],
      bands: [{ series: [1, 2], fill: band("40") }],
      hooks: {
        drawClear: [(self) => shade(self, episodes(), look)],
        setCursor: [(self) => options.onCursor(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < 8) return;
            const [from, to] = [self.posToVal(left, "x"), self.posToVal(left + width, "x")];
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            options.onSelect(from, to);
          },
        ],
      },
    },
    [data.times, line.high, line.low, line.mean],
    box,
  );
  return { plot, line, head: newest };
}

/** Only the mean has a dot under the cursor. */
function point(self: uPlot, index: number): HTMLElement {
  const dot = document.createElement("div");
  if (index === 3) {
    const { stroke, fill } = self.cursor.points as { stroke: string; fill: string };
    Object.assign(dot.style, { width: "9px", height: "9px", border: `2px solid ${stroke}`, background: fill, borderRadius: "50%", marginLeft: "-4.5px", marginTop: "-4.5px" });
  } else {
    dot.style.display = "none";
  }
  return dot;
}

function room(pixels: number, data: Data): number {
  return ((data.to - data.from) * 66 * devicePixelRatio) / Math.max(pixels, 1);
}

function extent(line: Line, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  if (FROM_ZERO.test(line.name) && low >= 0) return [0, nice((high || 1) * 1.02)];
  const spread = Math.max(high - low, Math.abs(high) * 0.04, 1);
  const step = nice(spread / 2) / 2;
  return [Math.floor((low - spread * 0.1) / step) * step, Math.ceil((high + spread * 0.1) / step) * step];
}

/** The next number that reads well when halved. */
function nice(number: number): number {
  const unit = 10 ** Math.floor(Math.log10(number));
  return ([1, 1.2, 1.5, 2, 2.4, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= number) ?? 10) * unit;
}

function axis(split: number, splits: number[], line: Line): string {
  const top = Math.max(...splits.map(Math.abs));
  const [shown, scale] = kilo(line.unit) && top >= 1000 ? [split / 1000, 1000] : line.unit === "s" ? [split / 60, 60] : [split, 1];
  const step = ((splits[1] ?? 0) - (splits[0] ?? 0)) / scale;
  return text(shown, Number.isInteger(shown) || Math.abs(step) >= 5 ? 0 : 1);
}

/** The newest value's words. */
export function last(line: Line): string {
  const newest = line.mean.findLast((value) => value !== null);
  return value(newest, line.unit, line.decimals);
}

function shade(self: uPlot, episodes: Episode[], look: Look): void {
  const { ctx, bbox } = self;
  ctx.save();
  for (const { kind, from, to } of episodes) {
    const left = Math.max(bbox.left, self.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, self.valToPos(to, "x", true));
    const width = Math.max(right - left, kind === "gap" ? 0 : 2 * devicePixelRatio);
    if (right < bbox.left || left > bbox.left + bbox.width || width <= 0) continue;
    ctx.globalAlpha = kind === "gap" ? 0.8 : 0.2;
    ctx.fillStyle = kind === "gap" ? (look.hatch ?? look.line) : kind === "bat" ? look.bat : look.test;
    ctx.fillRect(left, bbox.top, width, bbox.height);
  }
  ctx.restore();
}
