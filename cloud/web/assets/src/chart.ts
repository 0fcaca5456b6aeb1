// The History panel: lanes on one time axis, ranges without loading the page anew, zoom, keys, the readout in place of
// tooltips. Without scripts the same links load pages and a table stands in for the chart.
import { now } from "./clock.js";
import { alarms, legend } from "./chart/alarms.js";
import { decode, type Data, type Episode, type Wire } from "./chart/data.js";
import { episodes } from "./chart/episodes.js";
import { lane, last, type Lane } from "./chart/lane.js";
import { look, spread, value } from "./chart/look.js";
import { length, moment } from "./chart/times.js";

/** Named ranges, milliseconds. */
const RANGES: Record<string, number> = { "1h": 3_600e3, "6h": 21_600e3, "24h": 86_400e3, "7d": 604_800e3, "30d": 2_592_000e3 };
const KEPT = 2_592_000e3;
const NARROWEST = 60e3;

interface View {
  from: number;
  to: number;
  range: string;
  live: boolean;
}

class Chart {
  private view: View;
  private data: Data | null = null;
  private lanes: Lane[] = [];
  private row = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  private alarms = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  private legend = document.getElementById("chart-legend");
  private state = document.createElement("div");
  private readout = document.getElementById("chart-readout");
  private zone: string;
  private asked: AbortController | null = null;
  private fetched = 0;
  private spoke = 0;
  private cursor: number | null = null;
  private width = 0;

  constructor(private box: HTMLElement) {
    const { from, to, range, now, zone } = box.dataset;
    this.zone = zone ?? "UTC";
    this.view = { from: Number(from), to: Number(to), range: range ?? "", live: now === "true" };
    this.state.className = "charts__state";
    for (const row of [this.row, this.alarms]) {
      row.setAttribute("class", "episodes");
      row.setAttribute("aria-hidden", "true");
    }
    this.skeleton();
    this.listen();
    void this.load();
  }

  private skeleton(): void {
    for (let at = 0; at < Number(this.box.dataset.lanes ?? 3); at++) {
      const bar = document.createElement("span");
      bar.className = "skel";
      this.box.append(bar);
    }
  }

  private listen(): void {
    for (const link of document.querySelectorAll<HTMLAnchorElement>("[data-range]")) {
      if (link === this.box) continue;
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const range = link.dataset.range ?? "24h";
        const end = this.view.live || this.view.range === "" ? now() : this.view.to;
        this.show({ from: end - (RANGES[range] ?? 0), to: end, range, live: this.view.live || this.view.range === "" });
      });
    }
    const shift = (id: string, by: number) =>
      document.getElementById(id)?.addEventListener("click", (event) => {
        if ((event as MouseEvent).ctrlKey || (event as MouseEvent).metaKey) return;
        event.preventDefault();
        this.shift(by);
      });
    shift("chart-earlier", -1);
    shift("chart-later", 1);
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("mouseleave", () => this.tell(null));
    document.addEventListener("fresh", () => this.refresh());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => {
      if (this.box.clientWidth !== this.width) this.draw();
    }).observe(this.box);
    window.addEventListener("popstate", () => location.reload());
    document.querySelector("form[data-lines]")?.addEventListener("submit", (event) => this.choose(event));
    this.zoomButtons();
  }

  /** Buttons that do what dragging does. */
  private zoomButtons(): void {
    const group = document.createElement("span");
    group.className = "zoom";
    document.getElementById("chart-later")?.after(group);
    for (const [words, sign, by] of [["Zoom in", "+", 0.5], ["Zoom out", "−", 2]] as const) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "iconbtn iconbtn--text";
      button.setAttribute("aria-label", words);
      button.textContent = sign;
      button.addEventListener("click", () => this.zoom(by));
      group.append(button);
    }
  }

  private choose(event: Event): void {
    const form = event.currentTarget as HTMLFormElement;
    event.preventDefault();
    const names = new FormData(form).getAll("lines").slice(0, 6).join(",");
    if (!names) return;
    this.box.dataset.names = names;
    this.show(this.view);
  }

  private show(view: View): void {
    const oldest = now() - KEPT;
    const span = Math.min(Math.max(view.to - view.from, NARROWEST), KEPT);
    const to = Math.max(Math.min(view.to, now()), oldest + span);
    this.view = { ...view, from: to - span, to };
    this.controls();
    void this.load();
  }

  private shift(by: number): void {
    const span = this.view.to - this.view.from;
    const to = this.view.to + by * span;
    this.show({ ...this.view, from: to - span, to, live: to >= now() - 1_000 });
  }

  private zoom(by: number): void {
    const span = (this.view.to - this.view.from) * by;
    const at = this.cursor === null ? undefined : this.data?.times[this.cursor];
    const centre = at === undefined ? (this.view.from + this.view.to) / 2 : at * 1000;
    const to = Math.min(centre + span / 2, now());
    this.show({ from: to - span, to, range: "", live: to >= now() - 1_000 });
  }

  /** The page's links and its address follow what is shown. */
  private controls(): void {
    const { range, live, from, to } = this.view;
    const lines = `lines=${encodeURIComponent(this.box.dataset.names ?? "")}`;
    const iso = (time: number) => encodeURIComponent(new Date(time).toISOString());
    const span = range === "" ? `from=${iso(from)}&to=${iso(to)}` : live ? `range=${range}` : `range=${range}&end=${iso(to)}`;
    for (const link of document.querySelectorAll<HTMLElement>(".seg [data-range]")) {
      if (link.dataset.range === range) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const later = document.getElementById("chart-later");
    if (live) later?.setAttribute("aria-disabled", "true");
    else later?.removeAttribute("aria-disabled");
    const words = document.getElementById("chart-span");
    const fine = to - from < 600e3;
    if (words) words.textContent = `${moment(this.zone, from / 1000, fine)} to ${live ? "now" : moment(this.zone, to / 1000, fine)}`;
    const base = location.pathname;
    document.getElementById("chart-table")?.setAttribute("href", `${base}/history.html?${span}&${lines}`);
    document.getElementById("chart-csv")?.setAttribute("href", `${base}/history.csv?${span}`);
    history.replaceState(null, "", `${base}?${span}&${lines}`);
  }

  private async load(quietly = false): Promise<void> {
    this.asked?.abort();
    this.asked = new AbortController();
    const points = Math.min(2_000, Math.max(120, Math.round(this.box.clientWidth - 56)));
    const { from, to } = this.view;
    const query = `from=${Math.floor(from)}&to=${Math.ceil(to)}&points=${points}&lines=${encodeURIComponent(this.box.dataset.names ?? "")}`;
    try {
      const response = await fetch(`${this.box.dataset.src}?${query}`, { signal: this.asked.signal });
      if (response.redirected) return location.reload();
      if (!response.ok) throw new Error(String(response.status));
      this.data = decode((await response.json()) as Wire);
      this.fetched = now();
      this.draw();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!quietly) this.failed();
    }
  }

  private failed(): void {
    this.state.replaceChildren();
    const words = document.createElement("p");
    words.textContent = "History did not load.";
    const button = document.createElement("button");
    button.className = "btn";
    button.textContent = "Retry";
    button.addEventListener("click", () => void this.load());
    this.state.append(words, button);
    this.state.hidden = false;
    this.box.append(this.state);
  }

  /** A chart that ends now goes on: by a bucket at a time, ten seconds at least. */
  private refresh(): void {
    if (!this.view.live || document.hidden || this.cursor !== null) return;
    const step = Math.max(10e3, (this.data?.step ?? 10) * 1_000);
    if (now() - this.fetched < step) return;
    const span = this.view.to - this.view.from;
    this.view = { ...this.view, from: now() - span, to: now() };
    void this.load(true);
  }

  private draw(): void {
    const data = this.data;
    if (!data) return;
    for (const old of this.lanes) old.plot.destroy();
    this.width = this.box.clientWidth;
    this.box.replaceChildren(this.alarms, this.row);
    this.box.dataset.lanes = String(data.lines.length);
    const style = look();
    const height = this.width < 500 ? 84 : 98;
    this.lanes = data.lines.map((line, at) =>
      lane(this.box, data, line, {
        look: style,
        zone: this.zone,
        width: this.width,
        height,
        last: at === data.lines.length - 1,
        sync: "history",
        onCursor: (index) => this.tell(index),
        onSelect: (from, to) => this.show({ from: from * 1000, to: to * 1000, range: "", live: false }),
      }),
    );
    episodes(this.row, data, this.width);
    alarms(this.alarms, data, this.width);
    if (this.legend) legend(this.legend, data);
    this.cursor = null;
    this.tell(null);
    this.box.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  }

  /** The values under the cursor, or the newest. */
  private tell(index: number | null): void {
    const data = this.data;
    if (!data || !this.readout) return;
    this.cursor = index;
    // A screen reader hears one change a second, eyes see each.
    const pause = now() - this.spoke < 1_000;
    this.readout.setAttribute("aria-live", pause ? "off" : "polite");
    if (!pause) this.spoke = now();
    const parts: Node[] = [];
    const add = (words: string, strong = "") => {
      const span = document.createElement("span");
      span.append(words);
      if (strong) {
        const bold = document.createElement("b");
        bold.textContent = strong;
        span.append(bold);
      }
      parts.push(span);
    };
    const fine = data.step < 60;
    const time = index === null ? undefined : data.times[index];
    if (time === undefined) {
      add("", data.times.length ? "Newest" : "No readings here");
      for (const line of data.lines) add(`${line.label} `, last(line));
    } else {
      add("", moment(this.zone, time, fine));
      const empty = data.lines.every((line) => typeof line.mean[index ?? 0] !== "number");
      const during = this.during(data, time, empty);
      if (during) add(during);
      for (const alarm of data.alarms) if (time + data.step > alarm.from && time < alarm.to) add("Alarm ", alarm.title);
      for (const { line } of this.lanes) {
        const [mean, low, high] = [line.mean[index ?? 0], line.low[index ?? 0], line.high[index ?? 0]];
        add(`${line.label} `, value(mean, line.unit, line.decimals));
        const between = typeof low === "number" && typeof high === "number" ? spread(low, high, line.unit, line.decimals) : "";
        if (between) add(`(${between})`);
      }
    }
    this.readout.replaceChildren(...parts);
  }

  /** What was going on; a gap only where there is no value, as a bucket may begin in one. */
  private during(data: Data, time: number, empty: boolean): string {
    const at = ({ kind, from, to }: Episode) => (kind === "gap") === empty && time + data.step > from && time < to;
    const found = data.episodes.find(at);
    if (!found) return "";
    const words = { bat: "On battery", test: "Self-test", gap: "No data" }[found.kind];
    return `${words}, ${length(found.to - found.from)}`;
  }

  private key(event: KeyboardEvent): void {
    const data = this.data;
    if (!data || event.ctrlKey || event.metaKey || event.altKey || event.target !== this.box) return;
    const end = data.times.length - 1;
    const from = this.cursor ?? (event.key === "ArrowRight" ? -1 : end + 1);
    const jump = (by: number) => {
      const edges = [...data.episodes, ...data.alarms].map((episode) => data.times.findIndex((time) => time >= episode.from)).filter((at) => at >= 0);
      edges.sort((a, b) => a - b);
      return (by > 0 ? edges.find((at) => at > from) : edges.findLast((at) => at < from)) ?? from;
    };
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.point(event.shiftKey ? jump(-1) : from - 1),
      ArrowRight: () => this.point(event.shiftKey ? jump(1) : from + 1),
      Home: () => this.point(0),
      End: () => this.point(end),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      Escape: () => {
        this.point(null);
        this.box.blur();
      },
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  private point(index: number | null): void {
    const data = this.data;
    const first = this.lanes[0]?.plot;
    if (!data || !first) return;
    const at = index === null ? null : Math.min(data.times.length - 1, Math.max(0, index));
    const time = at === null ? undefined : data.times[at];
    const left = time === undefined ? -10 : first.valToPos(time, "x");
    for (const { plot } of this.lanes) plot.setCursor({ left, top: 10 }, false);
    this.tell(at);
  }
}

const element = document.getElementById("charts");
if (element) new Chart(element);
