/** The identity of a socket: its token, and the auth engine that stores it. */
import { type AuthEngine, decodeToken } from "./auth.ts";
import type { Calls } from "./calls.ts";
import { hydrateError, InvalidMessageError, isOwnError } from "./errors.ts";
import type {
  AuthState,
  AuthStatus,
  AuthToken,
  ConnectionState,
  ReportedError,
} from "./types.ts";

/** What {@linkcode Identity} needs from the socket. */
export interface IdentityHost {
  readonly state: ConnectionState;
  /** Stores the token, under `authTokenName`. */
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
  readonly #calls: Calls;
  #accepted: { signed: string; token: AuthToken } | undefined;
  /** How many times `deauthenticate()` was called. */
  #renounced = 0;
  /** The same count at the start of the current handshake. */
  #renouncedBefore = 0;

  constructor(socket: IdentityHost, calls: Calls) {
    this.#socket = socket;
    this.#calls = calls;
  }

  /** Whether the socket has a token that the server accepted. */
  get authState(): AuthState {
    return this.#accepted ? "authenticated" : "unauthenticated";
  }

  /** The signed token. */
  get signed(): string | null {
    return this.#accepted?.signed ?? null;
  }

  /** The payload of the token. */
  get token(): AuthToken | null {
    return this.#accepted?.token ?? null;
  }

  /** A handshake begins. A `deauthenticate()` before its end takes precedence. */
  connecting(): void {
    this.#renouncedBefore = this.#renounced;
  }

  /** The server responded to the handshake, with which `token` was sent. */
  opened(isAuthenticated: boolean, token: unknown): void {
    const wanted = this.#renouncedBefore === this.#renounced;
    if (isAuthenticated && typeof token === "string" && wanted) {
      this.#adopt(token);
    } else this.#clear();
  }

  /** Authenticates with a signed token; see the socket's method. */
  async authenticate(signedAuthToken: string): Promise<AuthStatus> {
    const before = this.#renounced;
    // Runs in the same turn as the response, so that a token that arrives right after it
    // takes precedence.
    const answered = (answer: unknown): AuthStatus => {
      const status = (answer ?? {}) as Partial<AuthStatus>;
      const isAuthenticated = !!status.isAuthenticated &&
        before === this.#renounced;
      if (isAuthenticated) this.#accept(signedAuthToken);
      else this.#clear();
      const authError = hydrateError(status.authError) as ReportedError | null;
      return { isAuthenticated, authError };
    };
    try {
      return await new Promise((resolve, reject) => {
        this.#calls.call("#authenticate", signedAuthToken, {
          resolve: (answer) => resolve(answered(answer)),
          reject: (error) => {
            if (!isOwnError(error)) this.#clear();
            reject(error);
          },
        });
      });
    } finally {
      // Lets listeners get the events first.
      await macrotask();
    }
  }

  /** Discards the token here, in the auth engine and on the server. */
  async deauthenticate(): Promise<void> {
    this.#renounced++;
    const forgotten = this.#forget();
    if (this.#socket.state !== "closed") {
      this.#calls.transmit("#removeAuthToken");
    }
    this.#clear();
    await macrotask();
    await forgotten;
  }

  /** The server issued a token. Returns an error if the token is invalid. */
  set(token: unknown): InvalidMessageError | undefined {
    if (typeof token !== "string") {
      return new InvalidMessageError(
        "No token data provided by #setAuthToken event",
      );
    }
    this.#accept(token);
    return undefined;
  }

  /** The server revoked the token. */
  revoke(): void {
    this.#forget();
    this.#clear();
  }

  /** Adopts a token that the server accepted. */
  #adopt(signedAuthToken: string): void {
    const oldAuthState = this.authState;
    const authToken = decodeToken(signedAuthToken) as AuthToken;
    this.#accepted = { signed: signedAuthToken, token: authToken };
    if (oldAuthState === "unauthenticated") {
      // Before the events, so that the requests are already in flight when they arrive.
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

  /** Drops the token here, but not from the auth engine. */
  #clear(): void {
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

  /** Adopts a token and stores it in the auth engine. An `error` event reports a failure. */
  async #accept(signedAuthToken: string): Promise<void> {
    this.#adopt(signedAuthToken);
    try {
      const { auth, authTokenName } = this.#socket;
      await auth.saveToken(authTokenName, signedAuthToken, {});
    } catch (error) {
      this.#socket.emit("error", { error });
    }
  }

  /** Removes the token from the auth engine. An `error` event reports a failure. */
  async #forget(): Promise<void> {
    try {
      const { auth, authTokenName } = this.#socket;
      const oldAuthToken = await auth.removeToken(authTokenName);
      this.#socket.emit("removeAuthToken", { oldAuthToken });
    } catch (error) {
      this.#socket.emit("error", { error });
    }
  }
}

/** Resolves after all pending microtasks, including those that they queue. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
