// Every page there is, by what a person calls it.
// In: the demo's API. Out: names and paths. A new page is one line here, and every check below runs on it.

import { api } from "./demo.mjs";

/** Pages that need no account. */
export const publicPages = [
  { name: "sign-in", path: "/sign-in" },
  { name: "not-found", path: "/there-is-no-such-page" },
];

/** Inverters as the API lists them. */
export async function inverters() {
  const { items } = await api("/api/v1/inverters");
  if (items.length === 0) throw new Error("the demo lists no inverter");
  return items;
}

/** Pages behind the sign-in, with an inverter of each state that the fleet shows now. */
export async function privatePages() {
  const items = await inverters();
  const states = [...new Map(items.map((item) => [item.state, item])).values()];
  const one = items[0];
  return [
    { name: "fleet", path: "/fleet" },
    ...states.map((item) => ({ name: `inverter-${item.state}`, path: `/inverters/${item.id}` })),
    { name: "inverter-30d", path: `/inverters/${one.id}?range=30d` },
    { name: "inverter-table", path: `/inverters/${one.id}/history.html` },
  ];
}
