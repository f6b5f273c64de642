/** Who the socket is: its token, and the auth engine that keeps it. */
import type { AuthState } from "./api.ts";
import { type AuthEngine, decodeToken } from "./auth.ts";
import { InvalidMessageError } from "./errors.ts";

/** What {@linkcode Identity} needs of the socket. */
export interface IdentityHost {
  emit(eventName: string, data: unknown): void;
  /** Called when the socket has become authenticated, before the events. */
  authenticated(): void;
  engine(): AuthEngine;
  tokenName(): string;
}

/** The token of a socket. */
export class Identity {
  readonly #host: IdentityHost;
  #state:
    | { authState: "unauthenticated" }
    // deno-lint-ignore no-explicit-any
    | { authState: "authenticated"; signed: string; token: any } = {
      authState: "unauthenticated",
    };

  constructor(host: IdentityHost) {
    this.#host = host;
  }

  /** Whether there is a token that the server accepted. */
  get authState(): AuthState {
    return this.#state.authState;
  }

  /** The signed token. */
  get signed(): string | null {
    return this.#state.authState === "authenticated"
      ? this.#state.signed
      : null;
  }

  /** What it says. */
  // deno-lint-ignore no-explicit-any
  get token(): any {
    return this.#state.authState === "authenticated" ? this.#state.token : null;
  }

  /** The server accepted a token. */
  adopt(signedAuthToken: string): void {
    const oldAuthState = this.authState;
    const authToken = decodeToken(signedAuthToken);
    this.#state = {
      authState: "authenticated",
      signed: signedAuthToken,
      token: authToken,
    };
    if (oldAuthState === "unauthenticated") {
      this.#host.authenticated();
      this.#host.emit("authStateChange", {
        oldAuthState,
        newAuthState: "authenticated",
        signedAuthToken,
        authToken,
      });
    }
    this.#host.emit("authenticate", { signedAuthToken, authToken });
  }

  /** The socket has no token any more. */
  clear(): void {
    if (this.#state.authState === "unauthenticated") return;
    const { authState, signed, token } = this.#state;
    this.#state = { authState: "unauthenticated" };
    this.#host.emit("authStateChange", {
      oldAuthState: authState,
      newAuthState: "unauthenticated",
    });
    this.#host.emit("deauthenticate", {
      oldSignedAuthToken: signed,
      oldAuthToken: token,
    });
  }

  /** Takes a token that the server sent; the error tells what is wrong with it. */
  receive(data: unknown): InvalidMessageError | undefined {
    const { token } = (data ?? {}) as { token?: unknown };
    if (typeof token !== "string") {
      return new InvalidMessageError(
        "No token data provided by #setAuthToken event",
      );
    }
    this.accept(token);
    return undefined;
  }

  /** The server accepted a token that is to be kept. */
  accept(signedAuthToken: string): void {
    this.adopt(signedAuthToken);
    this.save(signedAuthToken);
  }

  /** Gives the token up; resolves when the auth engine has forgotten it. */
  lose(): Promise<void> {
    const forgotten = this.forget();
    this.clear();
    return forgotten;
  }

  /** Has the auth engine keep a token. A failure is an `error` event. */
  async save(signedAuthToken: string): Promise<void> {
    try {
      await this.#host.engine().saveToken(
        this.#host.tokenName(),
        signedAuthToken,
        {},
      );
    } catch (error) {
      this.#host.emit("error", { error });
    }
  }

  /** Has the auth engine forget the token. A failure is an `error` event. */
  async forget(): Promise<void> {
    let oldAuthToken: string | null;
    try {
      oldAuthToken = await this.#host.engine().removeToken(
        this.#host.tokenName(),
      );
    } catch (error) {
      this.#host.emit("error", { error });
      return;
    }
    this.#host.emit("removeAuthToken", { oldAuthToken });
  }
}
