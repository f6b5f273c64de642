/** A call by the server. */
import { dehydrateError, InvalidActionError } from "./errors.ts";
import type { OutboundPacket } from "./protocol.ts";

/**
 * A call by the server, as a `procedure` stream gives it. Answer it with
 * {@linkcode AGRequest.end} or {@linkcode AGRequest.error}; the server gives up
 * on a call that is not answered.
 *
 * ```ts ignore
 * for await (const request of socket.procedure("add")) {
 *   const { a, b } = request.data;
 *   if (typeof a === "number") request.end(a + b);
 *   else request.error(new TypeError("a must be a number"));
 * }
 * ```
 */
export class AGRequest<Data = unknown, Result = unknown> {
  /** The socket that got the call. */
  readonly socket: unknown;
  /** The number of the call on its connection. */
  readonly id: number;
  /** The name of the procedure. */
  readonly procedure: string;
  /** The data of the call. */
  readonly data: Data;
  /** Whether the call was answered. */
  sent = false;
  readonly #respond: (packet: OutboundPacket) => void;

  /** @ignore */
  constructor(
    socket: unknown,
    id: number,
    procedure: string,
    data: Data,
    respond: (packet: OutboundPacket) => void,
  ) {
    this.socket = socket;
    this.id = id;
    this.procedure = procedure;
    this.data = data;
    this.#respond = respond;
  }

  #answer(packet: OutboundPacket): void {
    if (this.sent) {
      throw new InvalidActionError(
        `Response to request ${this.id} has already been sent`,
      );
    }
    this.#respond(packet);
    this.sent = true;
  }

  /**
   * Answers the call. After the connection was lost the answer goes nowhere:
   * the server has given the call up.
   * @throws {InvalidActionError} if it was answered before
   * @throws {InvalidMessageError} if `data` cannot be encoded; then the call may
   * still be answered
   */
  readonly end = (data?: Result): void => {
    this.#answer({ rid: this.id, data });
  };

  /**
   * Answers the call with an error: its message and own properties travel.
   * @throws {InvalidActionError} if it was answered before
   */
  readonly error = (error: unknown): void => {
    this.#answer({ rid: this.id, error: dehydrateError(error) });
  };
}
