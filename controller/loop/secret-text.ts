import { createHmac } from "node:crypto";
import { error, type Problem } from "../../schemas/problem.ts";
import type { Text } from "../core/model.ts";
import type { Unseal } from "./ports.ts";

/** Finds the value of a secret by `name/key`; undefined where there is none. */
export type SecretValue = (ref: string) => string | undefined;

/** A text with its secrets put in; undefined where one is missing. */
export function reveal(text: Text, secret: SecretValue): string | undefined {
  if (typeof text === "string") return text;
  const parts = text.join.map((part) => (typeof part === "string" ? part : secret(part.secretRef)));
  return parts.includes(undefined) ? undefined : parts.join("");
}

/** HMAC-SHA-256 of a text under the workspace's seal key, hex, as agents report it of files that hold secrets. */
export function sealWith(key: Uint8Array, secret: SecretValue): (text: Text) => string | undefined {
  return (text) => {
    const plain = reveal(text, secret);
    return plain === undefined ? undefined : createHmac("sha256", key).update(plain, "utf8").digest("hex");
  };
}

/** Puts secrets into the input of a step, wherever it holds `{ secretRef }` or `{ join }`; the plan itself never does. */
export function unsealWith(secret: SecretValue): Unseal {
  return async (input) => {
    const missing: string[] = [];
    const opened = open(input, (ref) => {
      const value = secret(ref);
      if (value === undefined) missing.push(ref);
      return value ?? "";
    });
    if (missing.length === 0) return { ok: true, input: opened };
    const problem: Problem = error("secret/missing", `Unable to send the step: the secret ${missing[0] ?? ""} is missing.`, {
      hint: "Add it to the workspace's secrets.",
    });
    return { ok: false, problem };
  };
}

/** For a run that goes on with a plan of another commit than the one in force: what holds no secret is sent, the rest is planned anew. */
export const outdatedSecrets: Unseal = async (input) => {
  const refs: string[] = [];
  open(input, (ref) => (refs.push(ref), ""));
  if (refs.length === 0) return { ok: true, input };
  const problem = error("secret/outdated", `Unable to send the step: the secret ${refs[0] ?? ""} is of another commit by now.`, {
    hint: "It is planned anew.",
  });
  return { ok: false, problem, outdated: true };
};

function open(value: unknown, secret: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => open(item, secret));
  if (typeof value !== "object" || value === null) return value;
  const { secretRef, join } = value as { secretRef?: unknown; join?: unknown };
  if (typeof secretRef === "string") return secret(secretRef);
  if (Array.isArray(join) && Object.keys(value).length === 1) return join.map((part) => open(part, secret)).join("");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, open(item, secret)]));
}
