/** Who the socket is: its token, and the auth engine that keeps it. */
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

/** What {@linkcode Identity} needs of the socket. */
export interface IdentityHost {
  readonly state: ConnectionState;
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
  readonly #calls: Calls;
  #accepted: { signed: string; token: AuthToken } | undefined;
  /** How often `deauthenticate()` was called. */
  #renounced = 0;
  /** The same, when the present handshake began. */
  #renouncedBefore = 0;

  constructor(socket: IdentityHost, calls: Calls) {
    this.#socket = socket;
    this.#calls = calls;
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
  get token(): AuthToken | null {
    return this.#accepted?.token ?? null;
  }

  /** A handshake begins. A `deauthenticate()` before its end wins. */
  connecting(): void {
    this.#renouncedBefore = this.#renounced;
  }

  /** The server answered the handshake, with which `token` was sent. */
  opened(isAuthenticated: boolean, token: unknown): void {
    const wanted = this.#renouncedBefore === this.#renounced;
    if (isAuthenticated && typeof token === "string" && wanted) {
      this.#adopt(token);
    } else this.#clear();
  }

  /** Authenticates with a signed token; see the socket's method. */
  async authenticate(signedAuthToken: string): Promise<AuthStatus> {
    const before = this.#renounced;
    // In the turn of the answer, so that a token that comes right after it wins.
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
      // Listeners get the events first.
      await macrotask();
    }
  }

  /** Gives the token up, here, in the auth engine and on the server. */
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

  /** The server issued a token. Returns what is wrong with it, if anything is. */
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

  /** Takes a token that the server accepted. */
  #adopt(signedAuthToken: string): void {
    const oldAuthState = this.authState;
    const authToken = decodeToken(signedAuthToken) as AuthToken;
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

  /** Drops the token. The auth engine keeps it. */
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

  /** Takes a token and has the auth engine keep it. A failure is an `error` event. */
  async #accept(signedAuthToken: string): Promise<void> {
    this.#adopt(signedAuthToken);
    try {
      const { auth, authTokenName } = this.#socket;
      await auth.saveToken(authTokenName, signedAuthToken, {});
    } catch (error) {
      this.#socket.emit("error", { error });
    }
  }

  /** Has the auth engine forget the token. A failure is an `error` event. */
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

/** Resolves after what waits in microtasks now, and what that leads to. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
