/** A call from the server. */
import { dehydrateError, InvalidActionError } from "./errors.ts";
import type { OutboundPacket } from "./protocol.ts";

/**
 * A call from the server, delivered by a `procedure` stream. Respond with
 * {@linkcode AGRequest.end} or {@linkcode AGRequest.error}; without a response, the call
 * times out on the server.
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
  /** The socket that received the call. */
  readonly socket: unknown;
  /** The number of the call on its connection. */
  readonly id: number;
  /** The name of the procedure. */
  readonly procedure: string;
  /** The data of the call. */
  readonly data: Data;
  /** Whether a response was sent. */
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
   * Sends a response. Does nothing if the connection was lost, because the server has
   * dropped the call.
   * @throws {InvalidActionError} if a response was already sent
   * @throws {InvalidMessageError} if `data` cannot be encoded; you can then still send
   * another response
   */
  readonly end = (data?: Result): void => {
    this.#answer({ rid: this.id, data });
  };

  /**
   * Responds with an error, of which the message and own properties are sent.
   * @throws {InvalidActionError} if a response was already sent
   */
  readonly error = (error: unknown): void => {
    this.#answer({ rid: this.id, error: dehydrateError(error) });
  };
}
