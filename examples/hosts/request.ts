import { request as httpRequest } from "node:http";

/** An answer of the API that is no success. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(what: string, status: number, body: unknown) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.name = "ApiFailure";
    this.status = status;
    this.body = body;
  }
}

/** Asks the API through a Unix socket, which reaches into the network of the lab; rejects with ApiFailure or the error of the connection. */
export function request<T>(socketPath: string, token: string, method: string, path: string, body?: unknown): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    host: "localhost",
    accept: "application/json",
    authorization: `Bearer ${token}`,
    ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ socketPath, method, path, headers, agent: false }, (answer) => {
      let received = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (received += piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const value: unknown = received === "" ? undefined : JSON.parse(received);
        if ((answer.statusCode ?? 500) < 300) resolve(value as T);
        else reject(new ApiFailure(`${method} ${path}`, answer.statusCode ?? 0, value));
      });
    });
    asked.on("error", reject);
    asked.setTimeout(15_000, () => asked.destroy(new Error(`no answer to ${method} ${path} within 15 s`)));
    asked.end(text);
  });
}
