/** An answer that is not a message: the status and the `error.type` that belong together, and a text that nobody should assert on. */
export interface ApiError {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly code?: string;
}

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** Returns the `error.type` that the API gives with a status. */
export function typeOf(status: number): string {
  return TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}

/** Makes the error for a status, with the type that belongs to it. */
export function apiError(status: number, message: string): ApiError {
  return { status, type: typeOf(status), message };
}

/** Returns the JSON body of an error, the same in an answer and in a stream. */
export function errorBody(error: Omit<ApiError, "status">, requestId: string): object {
  const details = error.code === undefined ? {} : { details: { error_code: error.code } };
  return { type: "error", error: { type: error.type, message: error.message, ...details }, request_id: requestId };
}
