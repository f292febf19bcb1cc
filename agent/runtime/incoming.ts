import { error, type Problem } from "../../schemas/problem.ts";
import { type ControllerMessage, maxMessage } from "../../schemas/protocol.ts";
import { isMessageType } from "./shapes.ts";
import { wrongWith } from "./validate.ts";

/** Reads one text from the controller; whatever it holds, the answer is a message or what is wrong. */
export function readMessage(text: string): { readonly message: ControllerMessage } | { readonly problem: Problem; readonly about: string } {
  if (text.length > maxMessage)
    return { problem: error("message/too-large", `Unable to read the message: it is larger than ${maxMessage} bytes`), about: "message" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: error("message/json", "Unable to read the message: it is not JSON"), about: "message" };
  }
  const type = typeof value === "object" && value !== null ? (value as { type?: unknown }).type : undefined;
  if (!isMessageType(type))
    return {
      problem: error("message/unknown", `Unable to use the message: this agent knows no type ${String(type).slice(0, 64)}`),
      about: String(type).slice(0, 64),
    };
  const wrong = wrongWith(`message ${type}`, value);
  return wrong === undefined
    ? { message: value as ControllerMessage }
    : { problem: error("message/form", `Unable to use the message ${type}: ${wrong}`), about: type };
}
