// What the server sends for a chart (src/pages/chart.rs): integers, times and means as differences from the one before,
// least and greatest as distances from the mean.
export interface Wire {
  from: number;
  to: number;
  step: number;
  times: number[];
  lines: WireLine[];
  episodes: ["bat" | "test", number, number][];
  gaps: [number, number][];
  /** Severity, what, from, to (0: still), code. Left out where there is none. */
  alarms?: [Alarm["severity"], string, number, number, string][];
}

interface WireLine {
  name: string;
  label: string;
  unit: string;
  decimals: number;
  mean: (number | null)[];
  low: number[];
  high: number[];
}

/** One lane's line, in its unit; `null` where no reading came. */
export interface Line {
  name: string;
  label: string;
  unit: string;
  decimals: number;
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

/** A stretch that is shaded. */
export interface Episode {
  kind: "bat" | "test" | "gap";
  from: number;
  to: number;
}

/** An alarm, from its raise to its end. */
export interface Alarm {
  severity: "critical" | "warning" | "info";
  title: string;
  from: number;
  to: number;
  code: string;
}

/** A chart's data. Times in seconds, as uPlot wants them. */
export interface Data {
  from: number;
  to: number;
  step: number;
  times: number[];
  lines: Line[];
  episodes: Episode[];
  alarms: Alarm[];
}

/** Undoes the differences. */
export function decode(wire: Wire): Data {
  let time = 0;
  const times = wire.times.map((difference) => (time += difference) / 1000);
  const episodes: Episode[] = [
    ...wire.episodes.map(([kind, from, to]) => ({ kind, from: from / 1000, to: to / 1000 })),
    ...wire.gaps.map(([from, to]): Episode => ({ kind: "gap", from: from / 1000, to: to / 1000 })),
  ];
  const alarms = (wire.alarms ?? []).map(([severity, title, from, to, code]) => ({ severity, title, from: from / 1000, to: (to || wire.to) / 1000, code }));
  return { from: wire.from / 1000, to: wire.to / 1000, step: wire.step / 1000, times, lines: wire.lines.map(line), episodes, alarms };
}

function line({ name, label, unit, decimals, mean, low, high }: WireLine): Line {
  const scale = 10 ** decimals;
  let sum = 0;
  const means = mean.map((difference) => (difference === null ? null : (sum += difference)));
  const moved = (by: number[], sign: number) =>
    means.map((value, at) => (value === null ? null : (value + sign * (by[at] ?? 0)) / scale));
  return { name, label, unit, decimals, mean: moved([], 0), low: moved(low, -1), high: moved(high, 1) };
}
