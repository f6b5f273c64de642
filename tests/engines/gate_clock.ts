/** A gate's clock, which a column moves so that connection tokens expire at once. */
export class GateClock {
  /** How long a token of the platform opens connections, in milliseconds. */
  readonly tokenLifetime = 60 * 60 * 1000;
  #ahead = 0;

  /** The time for the gate, in milliseconds since 1970. */
  readonly now = (): number => Date.now() + this.#ahead;

  /** Lets every token so far expire. */
  pass(): void {
    this.#ahead += this.tokenLifetime + 1;
  }
}
