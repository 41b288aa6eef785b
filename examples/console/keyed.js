// A list whose elements stay: each belongs to a key, and only what changed is touched.

export class KeyedList {
  #container;
  #rows = new Map();
  #parts;

  /**
   * `key(item)` names an item, `create(item)` makes its element, `update(element, item)` fills it. `same(item, before)` says whether
   * the element may stay as it is; without it, when it is the same object.
   */
  constructor(container, parts) {
    this.#container = container;
    this.#parts = { same: Object.is, ...parts };
    container.replaceChildren();
  }

  /** Shows exactly these items, in this order. */
  show(items) {
    const { key, create, update, same } = this.#parts;
    const wanted = new Set(items.map(key));
    for (const [name, { element }] of this.#rows) {
      if (wanted.has(name)) continue;
      element.remove();
      this.#rows.delete(name);
    }
    let at = this.#container.firstElementChild;
    for (const item of items) {
      let row = this.#rows.get(key(item));
      if (!row) {
        row = { element: create(item), item: undefined };
        this.#rows.set(key(item), row);
      }
      if (row.item === undefined || !same(item, row.item)) update(row.element, item);
      row.item = item;
      if (row.element === at) at = at.nextElementSibling;
      else this.#place(row.element, at);
    }
  }

  element(key) {
    return this.#rows.get(key)?.element;
  }

  item(key) {
    return this.#rows.get(key)?.item;
  }

  /** Fills all elements again, as when the day has changed. */
  repaint() {
    for (const { element, item } of this.#rows.values()) this.#parts.update(element, item);
  }

  clear() {
    this.show([]);
  }

  /** Moves an element without taking the focus from it. */
  #place(element, before) {
    const focused = element.contains(document.activeElement) ? document.activeElement : undefined;
    this.#container.insertBefore(element, before);
    if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
  }
}
