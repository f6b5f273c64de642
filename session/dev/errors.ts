/** Error responses of the API. */
import { FeedlineError, isFeedlineError } from "../../net/errors.ts";

const NAMES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
} as const;

/** The HTTP status codes of the API's error responses. */
export type FailureStatus = keyof typeof NAMES;

/** The API refuses a request. */
export class ApiFailure extends FeedlineError<"API_FAILURE"> {
  /** The name of the class. */
  override readonly name = "ApiFailure";
  /** The HTTP status code. */
  readonly status: FailureStatus;

  constructor(status: FailureStatus, message: string) {
    super("API_FAILURE", message);
    this.status = status;
  }

  /** Creates the response, in the hosted API's form. */
  toResponse(): Response {
    const status = NAMES[this.status];
    return Response.json({
      error: {
        message: this.message,
        status,
        code: status.replaceAll(" ", ""),
        id: crypto.randomUUID(),
      },
    }, { status: this.status });
  }
}

/** Whether an error is an {@linkcode ApiFailure}, from any copy of the package. */
export function isApiFailure(error: unknown): error is ApiFailure {
  return isFeedlineError(error, "API_FAILURE");
}
