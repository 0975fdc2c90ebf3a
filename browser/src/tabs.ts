/** Tabs tell each other what is withdrawn: written for a moment, so that the others hear of it. */

import { hearTab } from "./consent/follow.ts";
import { refusals } from "./consent/statement.ts";
import { guard } from "./util/guard.ts";
import { write } from "./util/storage.ts";

const KEY = "tdx";

let told = "";

export function hearTabs(): void {
  const hear = guard((refused: string) => hearTab(JSON.parse(refused)));
  addEventListener("storage", ({ key, newValue }) => key === KEY && newValue && hear(newValue));
}

/** Tells what is refused now, if that is something else than before and `isMeant` for others. */
export function tellTabs(isMeant?: boolean): void {
  const refused = refusals();
  const text = JSON.stringify(refused);
  if (isMeant && text !== told) {
    write(KEY, refused);
    write(KEY);
  }
  told = text;
}
