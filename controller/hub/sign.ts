import { type KeyObject, sign } from "node:crypto";
import type { Static } from "typebox";
import type { StepMessage, StepOrder } from "../../schemas/protocol.ts";

/** A step order as the text that travels, with the controller's Ed25519 signature over exactly these bytes. */
export function signOrder(order: StepOrder, key: KeyObject): Static<typeof StepMessage> {
  const text = JSON.stringify(order);
  return { type: "step", order: text, signature: sign(null, Buffer.from(text, "utf8"), key).toString("base64") };
}
