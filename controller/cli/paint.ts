import { styleText } from "node:util";

const styles = { good: "green", bad: "red", change: "yellow", info: "cyan", dim: "dim", bold: "bold" } as const;

/** Colours a text, or leaves it as it is. */
export type Paint = (style: keyof typeof styles, text: string) => string;

export const plain: Paint = (_, text) => text;
export const coloured: Paint = (style, text) => (text === "" ? text : styleText(styles[style], text, { validateStream: false }));

/** Colour where a person looks: on a terminal, unless NO_COLOR is set; FORCE_COLOR asks for it elsewhere. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  if ((env["NO_COLOR"] ?? "") !== "") return plain;
  if (!["", "0", "false"].includes(env["FORCE_COLOR"] ?? "")) return coloured;
  return stream.isTTY === true && env["TERM"] !== "dumb" ? coloured : plain;
}
