// Times of the chart in the site's zone, 12-hour clock.
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let known = formats.get(key);
  if (!known) {
    try {
      known = new Intl.DateTimeFormat("en-US", { timeZone: zone, ...options });
    } catch {
      known = new Intl.DateTimeFormat("en-US", options);
    }
    formats.set(key, known);
  }
  return known;
}

const plain = (text: string) => text.replace(/[\u202f\u00a0 ](AM|PM)/g, "\u00a0$1");

/** `Nov 16, 2:26 PM`; with seconds where the chart is that fine. */
export function moment(zone: string, seconds: number, fine: boolean): string {
  const options: Intl.DateTimeFormatOptions = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
  if (fine) options.second = "2-digit";
  return plain(format(zone, options).format(seconds * 1000));
}

/** Label of a tick: the hour within a day, the day beyond. */
export function tick(zone: string, seconds: number, step: number): string {
  const date = new Date(seconds * 1000);
  if (step >= 86_400) return format(zone, { month: "short", day: "numeric" }).format(date);
  const minutes = step < 3_600;
  return plain(format(zone, minutes ? { hour: "numeric", minute: "2-digit" } : { hour: "numeric" }).format(date));
}

const STEPS = [60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 604_800];

/** Ticks on round hours and days of the zone, at least `room` seconds apart. */
export function ticks(zone: string, from: number, to: number, room: number): { step: number; at: number[] } {
  const step = STEPS.find((step) => step >= room) ?? 604_800;
  // The zone's offset at the middle is good enough for labels; a change of summer time within moves half of them.
  const shift = offset(zone, (from + to) / 2);
  const at: number[] = [];
  // A label at the very edge would stand in the numbers of the lane.
  const margin = room / 4;
  for (let tick = Math.ceil((from + shift) / step) * step - shift; tick <= to - margin; tick += step) {
    if (tick >= from + margin) at.push(tick);
  }
  return { step, at };
}

function offset(zone: string, seconds: number): number {
  const parts = format(zone, {
    year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23",
  }).formatToParts(seconds * 1000);
  const part = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return Math.round(local / 1000 - seconds);
}

/** `18 min`, `1 h 12 min`. */
export function length(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)}\u00a0d`;
  return minutes % 60 ? `${hours}\u00a0h ${minutes % 60}\u00a0min` : `${hours}\u00a0h`;
}
