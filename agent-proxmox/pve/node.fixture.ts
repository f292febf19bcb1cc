import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fingerprint, issueServer, makeAuthority, newCertificateKey } from "../../controller/hub/ca.ts";
import type { EndpointOptions } from "./endpoint.ts";

/** A request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What a node answers: status, reason and JSON; `cut`: the connection ends before or after the request was read. */
export type Answer = { readonly status?: number; readonly reason?: string; readonly body?: unknown; readonly cut?: true };

/** A server that looks like a node's API to a client: real TLS, answers by a function of the test. */
export async function node(
  answer: (arrived: Arrived, count: number) => Answer | Promise<Answer>,
): Promise<{ endpoint: EndpointOptions; arrived: Arrived[]; close(): Promise<void> }> {
  const authority = await makeAuthority(await newCertificateKey(), "test", Date.now()),
    certificate = await issueServer(authority, ["127.0.0.1"], Date.now());
  const arrived: Arrived[] = [];
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      arrived.push(one);
      void Promise.resolve(answer(one, arrived.length)).then(({ status = 200, reason = "OK", body, cut }) => {
        if (cut === true) return request.socket.destroy();
        response.writeHead(status, reason, { "Content-Type": "application/json" });
        response.end(body === undefined ? "" : JSON.stringify(body));
      });
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { host: "127.0.0.1", port, fingerprint: fingerprint(certificate.cert) },
    arrived,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
