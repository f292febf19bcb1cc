import type { Static } from "typebox";
import type { PollReceived, PollSent } from "../../schemas/protocol.ts";
import { type CloseReason, closeCodes } from "../../schemas/transport.ts";
import { type Carrier, type Fixture, fetchPinned, type Reply } from "./hub.fixture.ts";

const bearer = (jwt: string | undefined) => ({ headers: jwt === undefined ? {} : { authorization: `Bearer ${jwt}` } });

/** One poll with a JWT. */
export const poll = (fixture: Fixture, jwt: string | undefined, act: string, body: unknown = {}, signal?: AbortSignal): Promise<Reply> =>
  fetchPinned(`${fixture.url}/agent/v1/poll${act}`, fixture.keys.ca, body, { ...bearer(jwt), ...(signal === undefined ? {} : { signal }) });

/** An id of a connection that was just opened. */
export const openedPoll = async (fixture: Fixture, jwt: string): Promise<string> =>
  String((await poll(fixture, jwt, "")).json["connection"]);

/** Opens a connection of polls, the plainest way in which one can; resolves to the refusal where there is one. */
export async function pollingCarrier(fixture: Fixture, jwt: string | undefined): Promise<Carrier | Reply> {
  const answer = await poll(fixture, jwt, "");
  if (answer.status !== 200) return answer;
  const address = `/${String(answer.json["connection"])}`,
    over = new AbortController(),
    out: string[] = [];
  let from = 1,
    sending: Promise<void> | undefined,
    reading = true;
  const early: string[] = [];
  let message = (text: string): void => void early.push(text);
  let closed = (_: { code: number; reason: string }): void => {};
  const sendAll = async (): Promise<void> => {
    while (out.length > 0) {
      const said = await poll(fixture, jwt, `${address}/send`, { from, messages: out.slice(0, 500) }, over.signal);
      if (said.status !== 200) return;
      const { next } = said.json as unknown as Static<typeof PollSent>;
      out.splice(0, next - from);
      from = next;
    }
  };
  const receiveAll = async (): Promise<void> => {
    for (let next = 1; reading; ) {
      const said = await poll(fixture, jwt, `${address}/receive`, { from: next }, over.signal);
      if (said.status !== 200) return closed({ code: said.status, reason: said.body });
      const { messages, closed: reason } = said.json as unknown as Static<typeof PollReceived>;
      next += messages.length;
      if (reading) for (const text of messages) message(text);
      if (reason !== undefined) return closed({ code: closeCodes[reason as CloseReason], reason });
    }
  };
  receiveAll().catch(() => closed({ code: 1006, reason: "" }));
  return {
    send(text) {
      out.push(String(text));
      sending ??= sendAll()
        .catch(() => {})
        .finally(() => {
          sending = undefined;
        });
    },
    pause() {
      reading = false;
    },
    cut: () => over.abort(),
    onMessage(handler) {
      message = handler;
      for (const text of early.splice(0)) handler(text);
    },
    onClose(handler) {
      closed = handler;
    },
  };
}
