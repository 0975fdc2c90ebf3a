import { guard } from "../util/guard.ts";
import { page } from "../util/window.ts";

type Layer = unknown[];

let hooked: Layer = [];

/**
 * Gives every past and future entry of the global array to `take`. The array is made if there is none. To be called
 * again now and then: a page may put another array in its place.
 */
export function followLayer(name: string, take: (entry: unknown) => void): void {
  const layer: Layer = (page[name] = page[name] || []);
  if (layer === hooked) return;
  const before = hooked;
  hooked = layer;

  const push = layer.push;
  layer.push = function (this: Layer, ...entries) {
    // The page's own first: what it returns or throws stays as it is without us.
    const result = push.apply(this, entries);
    entries.forEach(guard(take));
    return result;
  };
  // A new array often begins with the old one's entries.
  layer.filter((entry) => !before.includes(entry)).forEach(guard(take));
}
