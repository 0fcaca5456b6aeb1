// Colours, fonts and numbers of the chart, read from the stylesheet so that light and dark stay in one place.
export interface Look {
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  line3: string;
  surface: string;
  bat: string;
  test: string;
  font: string;
  hatch: CanvasPattern | null;
}

/** The look as it is now. */
export function look(): Look {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const line3 = token("--line-3");
  return {
    ink: token("--ink"), ink2: token("--ink-2"), ink3: token("--ink-3"), line: token("--line"), line3,
    surface: token("--surface"), bat: token("--bat-s"), test: token("--test-s"),
    // Whole pixels: uPlot scales them to the screen by a pattern that knows no fractions.
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    hatch: hatch(line3),
  };
}

/** 45-degree lines: no data. */
function hatch(colour: string): CanvasPattern | null {
  const size = Math.round(6 * devicePixelRatio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const context = tile.getContext("2d");
  if (!context) return null;
  context.strokeStyle = colour;
  context.lineWidth = 1.1 * devicePixelRatio;
  context.beginPath();
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
  }
  context.stroke();
  return context.createPattern(tile, "repeat");
}

/** A value with its unit; powers from 1,000 on in kilo. */
export function value(number: number | null | undefined, unit: string, decimals: number): string {
  if (number === null || number === undefined) return "–";
  if (kilo(unit) && Math.abs(number) >= 1000) return `${text(number / 1000, 1)}\u00a0k${unit}`;
  if (unit === "s") return `${text(number / 60, 0)}\u00a0min`;
  return unit ? `${text(number, Math.min(decimals, 1))}\u00a0${unit}` : text(number, decimals);
}

/** `5.9 to 6.1 kW`; nothing where both read the same. */
export function spread(low: number, high: number, unit: string, decimals: number): string {
  const top = Math.max(Math.abs(low), Math.abs(high));
  const [scale, shown, places] =
    kilo(unit) && top >= 1000 ? [1000, `k${unit}`, 1] : unit === "s" ? [60, "min", 0] : [1, unit, Math.min(decimals, 1)];
  const [from, to] = [text(low / scale, places), text(high / scale, places)];
  return from === to ? "" : `${from} to ${to}${shown && "\u00a0"}${shown}`;
}

/** Watts and volt-amperes are read in kilo when large. */
export function kilo(unit: string): boolean {
  return unit === "W" || unit === "VA" || unit === "Wh";
}

export function text(number: number, decimals: number): string {
  return number.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
}
