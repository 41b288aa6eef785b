// Times as a person reads them: today the time, before that the date; everything as a tooltip.

import { make } from "./dom.js";

// Made once: they are slow to make.
const TIME = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { month: "short", day: "numeric" });
const YEAR = new Intl.DateTimeFormat([], { year: "numeric", month: "short", day: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat([], { weekday: "long", month: "long", day: "numeric" });
const FULL = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "long" });

const dayOf = (date) => `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
const isGood = (date) => !Number.isNaN(date.getTime());

/** Whether both texts are times of one day, here. */
export const sameDay = (one, other) => dayOf(new Date(one)) === dayOf(new Date(other));

/** The time, or for another day than today its date. */
export function short(iso, now = new Date()) {
  const date = new Date(iso);
  if (!isGood(date)) return "";
  if (dayOf(date) === dayOf(now)) return TIME.format(date);
  return (date.getFullYear() === now.getFullYear() ? DAY : YEAR).format(date);
}

/** The heading of a day. */
export function dayName(iso, now = new Date()) {
  const date = new Date(iso);
  if (!isGood(date)) return "";
  if (dayOf(date) === dayOf(now)) return "Today";
  return date.getFullYear() === now.getFullYear() ? WEEKDAY.format(date) : YEAR.format(date);
}

/** The time of a day that is named elsewhere. */
export const time = (iso) => format(TIME, iso);

/** The time to the second. */
export const seconds = (iso) => format(SECONDS, iso);

/** Date and time in full. */
export const full = (iso) => format(FULL, iso);

function format(how, iso) {
  const date = new Date(iso);
  return isGood(date) ? how.format(date) : "";
}

/** A `time` element that shows `text` and has the rest in its title. */
export const timeElement = (iso, text) => make("time", { dateTime: iso, title: full(iso) }, text);

/** Calls `work` whenever another day begins, until `signal` is aborted. */
export function onNewDay(work, signal) {
  const tomorrow = new Date();
  tomorrow.setHours(24, 0, 1, 0);
  const timer = setTimeout(() => {
    work();
    onNewDay(work, signal);
  }, tomorrow.getTime() - Date.now());
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Milliseconds as a person reads them. */
export const duration = (ms) => (ms < 1000 ? `${Math.ceil(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
