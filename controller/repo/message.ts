/** Which way a commit of ours came about. */
export type IntentSource = "claude" | "offline" | "ui" | "cli";

export interface Trailers {
  /** The sentence that was asked, where there was one. */
  readonly request?: string | undefined;
  readonly requestedBy: string;
  readonly source: IntentSource;
  /** Untrusted sources that were read before it was asked for; none: no trailer. */
  readonly tainted?: readonly string[] | undefined;
}

/**
 * One line of what may come from anybody: no line ends, control or direction-changing characters, no white space
 * at its ends, at most `limit` characters. Nothing in it can begin another line, and so no trailer.
 */
export function oneLine(text: string, limit: number): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\u200e\u200f]+/gu, " ")
    .replace(/ +/g, " ")
    .trim();
  const characters = [...line];
  return characters.length > limit ? `${characters.slice(0, limit - 1).join("")}…` : line;
}

/** The message of a commit: a subject, and the trailers as its last paragraph. */
export function commitMessage(subject: string, { request, requestedBy, source, tainted = [] }: Trailers): string {
  const trailers = [`Requested-by: ${oneLine(requestedBy, 200) || "unknown"}`, `Intent-source: ${source}`];
  if (tainted.length > 0) trailers.push(`Tainted: ${oneLine(tainted.join("; "), 500) || "yes"}`);
  const asked = request === undefined ? "" : oneLine(request, 2000);
  return `${oneLine(subject, 200) || "Change the workspace"}\n\n${asked === "" ? "" : `Request: ${asked}\n`}${trailers.join("\n")}\n`;
}

/** A name or address as git takes it in an author line; never empty. */
export const identity = (text: string, fallback: string): string =>
  oneLine(text.replaceAll(/[<>]/g, ""), 200).replace(/^[.,:;"'\\ ]+|[.,:;"'\\ ]+$/g, "") || fallback;
