// Many controls, one Tab stop: arrow keys move between them, Home and End jump.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Roving {
  #container;
  #selector;
  #stop;

  /** The controls are those that match `selector` in `container`; `signal` ends it. */
  constructor(container, selector, { signal, keys = Object.keys(STEPS), start = "first" } = {}) {
    this.#container = container;
    this.#selector = selector;
    this.start = start;
    container.addEventListener("keydown", (event) => this.#move(event, keys), { signal });
    container.addEventListener("focusin", (event) => this.#become(event.target.closest(selector)), { signal });
  }

  /** To be called when controls came or went: exactly one of them is reached by Tab. */
  refresh(preferred) {
    if (preferred?.isConnected) this.#become(preferred);
    if (this.#stop?.isConnected && this.#container.contains(this.#stop)) return;
    const all = this.#all();
    this.#become(this.start === "last" ? all.at(-1) : all[0]);
  }

  /** Focuses the control that Tab would reach. */
  focus() {
    this.refresh();
    this.#stop?.focus();
  }

  #all() {
    return [...this.#container.querySelectorAll(this.#selector)].filter((control) => !control.hidden);
  }

  #become(control) {
    if (!control || control === this.#stop) return;
    if (this.#stop) this.#stop.tabIndex = -1;
    this.#stop = control;
    control.tabIndex = 0;
  }

  #move(event, keys) {
    const all = this.#all();
    const at = all.indexOf(event.target.closest(this.#selector));
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : keys.includes(event.key) ? at + STEPS[event.key] : undefined;
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  }
}
