import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Static } from "typebox";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { EnrolAnswer, EnrolRequest } from "../../schemas/protocol.ts";
import { writeDurably } from "./durable.ts";
import { type Identity, keyOf, type KeyPair, newKey, saveIdentity } from "./identity.ts";
import { reasonOf } from "./log.ts";
import type { Machine } from "./machine.ts";
import { HttpRefusal, postJson } from "./post-json.ts";
import { wrongWith } from "./validate.ts";

export interface EnrolInput {
  readonly controllers: readonly string[];
  readonly stateDir: string;
  /** The secret part by which the controller knows the request; never an argument, never logged. */
  readonly token: string;
  /** PEM of the authority that the controller's certificate has to come from; undefined only for loopback without TLS. */
  readonly ca: string | undefined;
  readonly name: string | undefined;
  readonly machine: Machine;
  readonly version: string;
}

/** Makes a key, shows the join token over TLS pinned to the given authority, and keeps who we are from then on. */
export async function enrol(input: EnrolInput): Promise<Identity> {
  const { privateKey, publicKey } = await keyFor(input.stateDir),
    { machine } = input;
  const request: EnrolRequest = {
    token: input.token,
    publicKey,
    hostname: input.name ?? machine.hostname,
    machineId: machine.machineId,
    ...(machine.hardwareId === undefined ? {} : { hardwareId: machine.hardwareId }),
    version: input.version,
  };
  const { agent, host, controller, controllerKey, ca } = await ask(input, request);
  const identity: Identity = {
    agent,
    host,
    controller,
    controllerKey,
    ca: ca === "" ? (input.ca ?? "") : ca,
    privateKey,
    machineId: machine.machineId,
    hardwareId: machine.hardwareId,
  };
  await saveIdentity(input.stateDir, identity);
  await rm(keyPath(input.stateDir), { force: true });
  return identity;
}

const keyPath = (stateDir: string): string => join(stateDir, "enrol.key");

/** The key of an attempt whose answer got lost is used again: the controller then answers without another use of the token. */
async function keyFor(stateDir: string): Promise<KeyPair> {
  const text = await readFile(keyPath(stateDir), "utf8").catch(() => undefined);
  const known = text === undefined ? undefined : keyOf(text);
  if (known !== undefined) return known;
  const key = newKey();
  await writeDurably(keyPath(stateDir), key.privateKey, 0o600);
  return key;
}

/** The first controller that can be reached decides: a join token may be good for one use. */
async function ask(input: EnrolInput, request: EnrolRequest): Promise<Static<typeof EnrolAnswer>> {
  let last = "no controller is set";
  for (const base of input.controllers) {
    try {
      const answer = await postJson(`${base}/agent/v1/enrol`, request, { ca: input.ca, signal: AbortSignal.timeout(15_000) });
      const wrong = wrongWith("answer enrolled", answer);
      if (wrong !== undefined)
        throw new ProblemError(error("agent/enrol", `Unable to enrol at ${base}: its answer is not one of our protocol (${wrong})`));
      return answer as Static<typeof EnrolAnswer>;
    } catch (failure) {
      if (failure instanceof ProblemError) throw failure;
      last = `${base}: ${reasonOf(failure)}`;
      if (failure instanceof HttpRefusal) break;
    }
  }
  throw new ProblemError(
    error("agent/enrol", `Unable to enrol: ${last}`, {
      hint: "`backend-ai enrol` on the controller makes a new join token and prints the command to run here",
    }),
  );
}
