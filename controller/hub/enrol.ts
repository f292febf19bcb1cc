import { randomBytes } from "node:crypto";
import { error, type Problem } from "../../schemas/problem.ts";
import type { EnrolAnswer, EnrolRequest } from "../../schemas/protocol.ts";
import type { AgentDirectory } from "./directory.ts";
import { hostNameOf } from "./host-name.ts";
import { checkJoinToken, joinTokenId, tokenProblem } from "./join-token.ts";
import { sameMachine } from "./machine.ts";
import { publicKeyOf } from "./public-key.ts";
import type { AgentRecord, AgentRegistry, TokenRecord } from "./registry.ts";

/** What enrolment needs: `cloned` is told of a second machine with a known key, `replaced` of an agent that was revoked for the new one. */
export interface Enrolling {
  readonly registry: AgentRegistry;
  readonly directory: AgentDirectory;
  readonly allowed: (host: string, agent: string) => boolean;
  readonly answer: { readonly controller: string; readonly controllerKey: string; readonly ca: string };
  readonly now: () => number;
  readonly cloned: (agent: AgentRecord, request: EnrolRequest) => Promise<Problem>;
  readonly replaced: (agent: string, by: AgentRecord) => void;
}

/**
 * Lets a machine in by its join token. The use of the token and the new agent are stored in one transaction before the
 * answer; a machine that missed the answer asks again with the same key and token, and is answered without another use.
 */
export async function enrol(request: EnrolRequest, by: Enrolling): Promise<EnrolAnswer | Problem> {
  if (publicKeyOf(request.publicKey) === undefined)
    return error("enrol/public-key", "Unable to enrol: the public key is not a raw Ed25519 key in base64url");
  const id = joinTokenId(request.token);
  const token = id === undefined ? undefined : await by.registry.token(id);
  const bad = checkJoinToken(request.token, token, by.now());
  if (token === undefined || (bad !== undefined && bad.code !== "enrol/token-used-up")) return bad ?? tokenProblem("unknown");
  const known = by.directory.byKey(request.publicKey);
  if (known !== undefined && !sameMachine(known, request)) return by.cloned(known, request);
  if (known !== undefined && known.token === token.id) return answerFor(known, by);
  return bad ?? admit(request, token, known, by);
}

async function admit(
  request: EnrolRequest,
  token: TokenRecord,
  known: AgentRecord | undefined,
  by: Enrolling,
): Promise<EnrolAnswer | Problem> {
  const host = token.preset.host ?? hostNameOf(request.hostname);
  if (typeof host !== "string") return host;
  const id = `agent-${randomBytes(8).toString("hex")}`;
  if (!by.allowed(host, id)) return notAllowed(host);
  const holder = by.directory.byHost(host);
  // The same key on the same machine is the same agent; what else has the name goes only if the token says so: whoever holds
  // a token for new machines must not take over a host that is there.
  if (holder !== undefined && holder.id !== known?.id && !token.preset.replace) return nameTaken(host, holder, request);
  const replaces = [...new Set([holder?.id, known?.id])].filter((one) => one !== undefined);
  const agent: AgentRecord = {
    id,
    host,
    publicKey: request.publicKey,
    machineId: request.machineId,
    ...(request.hardwareId === undefined ? {} : { hardwareId: request.hardwareId }),
    tags: token.preset.tags,
    labels: token.preset.labels,
    token: token.id,
    enrolledAt: by.now(),
    clones: [],
    acked: 0,
  };
  const outcome = await by.directory.enrol(agent, replaces);
  if (outcome === "enrolled") {
    for (const one of replaces) by.replaced(one, agent);
    return answerFor(agent, by);
  }
  if (outcome === "used-up" || outcome === "revoked") return tokenProblem(outcome);
  return nameTaken(host, by.directory.byHost(host), request);
}

const answerFor = (agent: AgentRecord, by: Enrolling): EnrolAnswer => ({ agent: agent.id, host: agent.host, ...by.answer });

const notAllowed = (host: string): Problem =>
  error("enrol/not-allowed", `Unable to enrol: the controller's ALLOWED_AGENTS does not allow the host ${host}`, {
    hint: "Add the host's name, or a glob for it, to ALLOWED_AGENTS on the controller.",
  });

function nameTaken(host: string, holder: AgentRecord | undefined, request: EnrolRequest): Problem {
  const whose =
    holder === undefined
      ? "another agent"
      : sameMachine(holder, request)
        ? `the agent ${holder.id} of this very machine, with another key`
        : `the agent ${holder.id} of another machine`;
  return error("enrol/name-taken", `Unable to enrol: the host name ${host} belongs to ${whose}`, {
    hint: `To put this machine in its place: \`backend-ai enrol --host ${host} --replace\`. To have both: give this one another name with \`backend-ai enrol --host NAME\`.`,
  });
}
