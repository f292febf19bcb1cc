import type { TSchema } from "typebox";
import * as protocol from "../../schemas/protocol.ts";
import { actions, probes } from "../../schemas/verbs/index.ts";

/** What a controller says, by `type`. */
const messages = {
  welcome: protocol.Welcome,
  watch: protocol.Watch,
  "watch-change": protocol.WatchChange,
  ack: protocol.Ack,
  step: protocol.StepMessage,
  "result-ack": protocol.ResultAck,
  query: protocol.Query,
  renew: protocol.Renew,
  ping: protocol.Ping,
  problem: protocol.ProblemMessage,
} as const;

export type MessageType = keyof typeof messages;
export const isMessageType = (type: unknown): type is MessageType => typeof type === "string" && Object.hasOwn(messages, type);

const answers = {
  order: protocol.StepOrder,
  enrolled: protocol.EnrolAnswer,
  challenge: protocol.ChallengeAnswer,
  token: protocol.TokenAnswer,
  opened: protocol.PollOpened,
  sent: protocol.PollSent,
  received: protocol.PollReceived,
} as const;

type Prefixed<P extends string, T> = { [K in keyof T & string as `${P} ${K}`]: TSchema };

const named = <P extends string, T extends Record<string, TSchema>>(prefix: P, of: T): Prefixed<P, T> =>
  Object.fromEntries(Object.entries(of).map(([name, schema]) => [`${prefix} ${name}`, schema])) as unknown as Prefixed<P, T>;
const inputsOf = <T extends Record<string, { readonly input: TSchema }>>(verbs: T) =>
  Object.fromEntries(Object.entries(verbs).map(([name, verb]) => [name, verb.input])) as { [K in keyof T]: TSchema };

/** Everything that reaches an agent from outside, each with its schema: nothing is used before it passed. */
export const shapes = {
  ...named("message", messages),
  ...named("answer", answers),
  ...named("probe", inputsOf(probes)),
  ...named("action", inputsOf(actions)),
} as const;

export type ShapeName = keyof typeof shapes;
