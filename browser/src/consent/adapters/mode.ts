/** Google's consent mode, as the page tells it to the data layer. */

import { object, type Params } from "../../util/values.ts";
import type { Answers } from "../reading.ts";

const presets: Params = {};
let choices: Params = {};
/** Takes an entry of the data layer, and says whether it is about consent. */
export function takeMode(entry: unknown): boolean {
  const { 0: command, 1: kind, 2: given } = object(entry) || {};
  const states = object(given) || {};
  if (command !== "consent") return false;
  if (kind === "update") choices = { ...choices, ...states };
  else {
    // There may be some for single regions: which are this visitor's, nobody here knows. A no counts in any case.
    for (const key in states) {
      if (presets[key] !== "denied" && (!states.region || states[key] === "denied")) presets[key] = states[key];
    }
  }
  return true;
}

export function readChoices(): Answers {
  return whole(choices);
}

export function readPresets(): Answers {
  return { ...whole({ ...presets, ...choices }), method: "default" };
}

/** To store is not enough for advertising: what is stored must be allowed to be sent. A no to one is a no, though. */
function whole(state: Params): Answers {
  const { ad_storage, ad_user_data, ...others } = state;
  return ad_storage === ad_user_data || /denied/.test(ad_storage + "" + ad_user_data) ? state : others;
}
