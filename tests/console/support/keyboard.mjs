// What a person without a mouse does: moves the focus by Tab until it is where it should be, and presses keys there.
import { eventually } from "../../support/util.mjs";
import { PATIENCE } from "./console.mjs";

/** More stops than a page has. */
const STOPS = 150;

const hasFocus = (element) => element === document.activeElement;

/** Waits until a control has the focus. */
export const focused = (target) =>
  eventually(() => target.evaluate(hasFocus), { within: PATIENCE, what: `the focus of ${target}` });

/** Tabs to a control, which fails where no number of steps leads there. */
export async function reach(page, target) {
  await target.waitFor({ state: "attached" });
  for (let stop = 0; stop < STOPS; stop++) {
    if (await target.evaluate(hasFocus)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${target} is not reached by Tab`);
}

/** Tabs to a control and presses a key on it. */
export async function press(page, target, key = "Enter") {
  await reach(page, target);
  await page.keyboard.press(key);
}

/** Tabs to a list of choices, and moves by arrow keys to the one of this value. */
export async function choose(page, target, value) {
  await reach(page, target);
  const values = await target.evaluate((list) => [...list.options].map((option) => option.value));
  await page.keyboard.press("Home");
  for (let step = 0; step < values.indexOf(value); step++) await page.keyboard.press("ArrowDown");
}
