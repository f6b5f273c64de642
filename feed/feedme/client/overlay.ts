/**
 * Optimistic changes, laid over the data of a feed: without I/O, data in and data out.
 *
 * What the server says is the base. Each pending action is a layer: a function that
 * makes the expected data from the data below it. When the base changes, because others
 * acted, every layer is applied again to what is there now. A layer goes when its own
 * action has been revealed, or has failed.
 */
import { isObject, isPromiseLike } from "../../../net/shape.ts";
import { share } from "./share.ts";

/** One optimistic change, identified by reference. */
export interface Layer<Data> {
  /** Makes the expected data from the data below, without modifying that. */
  readonly change: (data: Data) => Data;
}

/** The data of a feed with optimistic changes over it. */
export class Overlay<Data extends object> {
  #base: Data | undefined;
  /** In the order in which the application acted. */
  readonly #layers = new Set<Layer<Data>>();
  #data: Data | undefined;

  /**
   * The data with every layer applied, `undefined` without a base. Parts that are equal
   * before and after a step are the same objects.
   */
  get data(): Data | undefined {
    return this.#data;
  }

  /** How many layers there are. */
  get size(): number {
    return this.#layers.size;
  }

  /**
   * Adds a layer on top.
   *
   * @throws what `change` throws, or a TypeError if it returns no object; then nothing
   * has changed
   */
  add(layer: Layer<Data>): void {
    if (this.#data !== undefined) {
      this.#data = share(this.#data, applied(layer, this.#data));
    }
    this.#layers.add(layer);
  }

  /** Whether the layer is still there. */
  has(layer: Layer<Data>): boolean {
    return this.#layers.has(layer);
  }

  /** Removes a layer, if it is there, and applies those above it again. */
  remove(layer: Layer<Data>): void {
    if (this.#layers.delete(layer)) this.#apply();
  }

  /**
   * Replaces the base, and removes the layers that it already contains, in one step.
   * `undefined` when there is no data any more.
   */
  rebase(base: Data | undefined, contains: Iterable<Layer<Data>> = []): void {
    this.#base = base;
    for (const layer of contains) this.#layers.delete(layer);
    this.#apply();
  }

  #apply(): void {
    if (this.#base === undefined) return void (this.#data = undefined);
    let data = this.#base;
    for (const layer of this.#layers) {
      try {
        data = applied(layer, data);
      } catch {
        // It does not fit what others made of the data. The server's answer decides.
      }
    }
    // Without layers the base needs no comparison, and keeps its own identities.
    this.#data = this.#layers.size === 0 ? data : share(this.#data, data);
  }
}

function applied<Data extends object>(
  { change }: Layer<Data>,
  data: Data,
): Data {
  const result: unknown = change(data);
  if (!isObject(result) || isPromiseLike(result)) {
    throw new TypeError(
      "An optimistic change must return the new data at once, as an object",
    );
  }
  return result as Data;
}
