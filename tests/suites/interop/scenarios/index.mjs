// The one script that all SDKs run. A scenario is one row of docs/compatibility.md:
//
//   section, behaviour   where it stands and what it is about
//   documented           what the founding page says of it, in brackets where it says nothing
//   needs                methods it cannot do without; an SDK without them has no cell
//   without              SDKs that it is not about
//   withoutService       it never reaches the service, so a relay in between changes nothing
//   run(world)           plays it, each call through `world.see`, and gives `[as documented?, what was seen]`
//   ownWay               each SDK is meant to behave in its own way: a row of the table, not of the comparison

import backgrounds from "./backgrounds.mjs";
import create from "./create.mjs";
import events from "./events.mjs";
import failures from "./failures.mjs";
import state from "./state.mjs";

export const SCENARIOS = [...create, ...state, ...backgrounds, ...events, ...failures];

/** The name of a scenario. */
export const nameOf = ({ section, behaviour }) => `${section}: ${behaviour}`;

/** Whether an SDK's client has the methods that a scenario needs. */
export const offers = (sdk, im, { needs = [], without = [] }) =>
  !without.includes(sdk) && needs.every((path) => typeof path.split(".").reduce((holder, key) => holder?.[key], im) === "function");
