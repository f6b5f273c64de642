/** Who the socket is: its token, and the auth engine that keeps it. */
import type { AuthState } from "./types.ts";
import { type AuthEngine, decodeToken } from "./auth.ts";
import { InvalidMessageError } from "./errors.ts";

/** What {@linkcode Identity} needs of the socket. */
export interface IdentityHost {
  /** Keeps the token, under `authTokenName`. */
  readonly auth: AuthEngine;
  readonly authTokenName: string;
  /** Whether subscriptions wait for `processPendingSubscriptions()`. */
  readonly preparingPendingSubscriptions: boolean;
  processPendingSubscriptions(): void;
  emit(eventName: string, data: unknown): void;
}

/** The token of a socket. */
export class Identity {
  readonly #socket: IdentityHost;
  // deno-lint-ignore no-explicit-any
  #accepted: { signed: string; token: any } | undefined;

  constructor(socket: IdentityHost) {
    this.#socket = socket;
  }

  /** Whether there is a token that the server accepted. */
  get authState(): AuthState {
    return this.#accepted ? "authenticated" : "unauthenticated";
  }

  /** The signed token. */
  get signed(): string | null {
    return this.#accepted?.signed ?? null;
  }

  /** What it says. */
  // deno-lint-ignore no-explicit-any
  get token(): any {
    return this.#accepted?.token ?? null;
  }

  /** The server accepted a token. */
  adopt(signedAuthToken: string): void {
    const oldAuthState = this.authState;
    const authToken = decodeToken(signedAuthToken);
    this.#accepted = { signed: signedAuthToken, token: authToken };
    if (oldAuthState === "unauthenticated") {
      // Before the events, so that the requests are under way when they come.
      if (!this.#socket.preparingPendingSubscriptions) {
        this.#socket.processPendingSubscriptions();
      }
      this.#socket.emit("authStateChange", {
        oldAuthState,
        newAuthState: this.authState,
        signedAuthToken,
        authToken,
      });
    }
    this.#socket.emit("authenticate", { signedAuthToken, authToken });
  }

  /** The socket has no token any more. */
  clear(): void {
    if (!this.#accepted) return;
    const oldAuthState = this.authState;
    const { signed, token } = this.#accepted;
    this.#accepted = undefined;
    this.#socket.emit("authStateChange", {
      oldAuthState,
      newAuthState: this.authState,
    });
    this.#socket.emit("deauthenticate", {
      oldSignedAuthToken: signed,
      oldAuthToken: token,
    });
  }

  /** The server issued a token. Returns what is wrong with it, if anything is. */
  set(token: unknown): InvalidMessageError | undefined {
    if (typeof token !== "string") {
      return new InvalidMessageError(
        "No token data provided by #setAuthToken event",
      );
    }
    this.accept(token);
    return undefined;
  }

  /** The server revoked the token. */
  revoke(): void {
    this.forget();
    this.clear();
  }

  /**
   * The server accepted a token: has the auth engine keep it, too. A failure of
   * that is an `error` event.
   */
  async accept(signedAuthToken: string): Promise<void> {
    this.adopt(signedAuthToken);
    try {
      const { auth, authTokenName } = this.#socket;
      await auth.saveToken(authTokenName, signedAuthToken, {});
    } catch (error) {
      this.#socket.emit("error", { error });
    }
  }

  /** Has the auth engine forget the token. A failure is an `error` event. */
  async forget(): Promise<void> {
    try {
      const { auth, authTokenName } = this.#socket;
      const oldAuthToken = await auth.removeToken(authTokenName);
      this.#socket.emit("removeAuthToken", { oldAuthToken });
    } catch (error) {
      this.#socket.emit("error", { error });
    }
  }
}
