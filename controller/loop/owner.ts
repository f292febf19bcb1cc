import type { Caller } from "./controller.ts";

/** Whose a conversation, a sentence or a stream is: the token's that asked, since names can be given anew; a caller without a token goes by the name. */
export const ownerOf = (caller: Caller): string => (caller.token === undefined ? `name ${caller.name}` : `token ${caller.token}`);
