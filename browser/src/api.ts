/** The global `tandem`, which takes over from the page's stub. */

import { guard } from "./util/guard.ts";
import { page } from "./util/window.ts";

/** What the page's own code can ask for. The arguments may be anything. */
export type Commands = Record<string, (...args: unknown[]) => void>;

/** A command and its arguments. */
type Call = ArrayLike<unknown>;

/** A copy of this script runs in the page already. */
export function isInstalled(): boolean | undefined {
  return page.tandem?.on === true;
}

/** From now on calls wait, those of the stub first, until the returned function is given the commands. */
export function install(): (commands: Commands) => void {
  const waiting: Call[] = Array.from((page.tandem?.q || []) as Call[]);
  let commands: Map<unknown, (...args: unknown[]) => void>;

  const take = guard((call: Call) => {
    if (!commands) return waiting.push(call);
    const [name, ...args] = Array.from(call);
    const command = commands.get(name);
    return command?.(...args);
  });
  // Code that kept a reference to the stub goes on pushing to `q`.
  const ours = Object.assign((...args: unknown[]) => void take(args), { q: { push: take }, on: true });
  // An element with this id, or something else of the page's own, stays.
  if (!page.tandem || typeof page.tandem === "function") page.tandem = ours;

  return (given) => {
    commands = new Map(Object.entries(given));
    waiting.forEach(take);
  };
}
