/**
 * One connection between an agent and the controller, whatever carries it: a WebSocket, HTTP long polling, or a linked pair in one process.
 * Messages arrive whole and in order; what comes before a handler is set is kept for it.
 */
export interface Transport {
  send(text: string): void;
  onMessage(handler: (text: string) => void): void;
  /** Called once, whoever closed; nothing comes afterwards. */
  onClose(handler: (reason: string) => void): void;
  close(reason?: string): void;
  /** Bytes taken by `send` and not yet handed to the network. */
  readonly buffered: number;
  /** Stops and resumes the arrival of messages, where the carrier can hold the other side back. */
  pause?(): void;
  resume?(): void;
}

/** Why the controller closes a connection: the word given as the reason, and the WebSocket code that goes with it (RFC 6455, 7.4). */
export const closeCodes = {
  /** The controller stops or restarts: connect again, with back-off. */
  shutdown: 1001,
  /** Messages that break the protocol, or far too many of them. */
  misbehaved: 1008,
  /** A message over size. */
  "too-large": 1009,
  /** The agent reads too slowly, or the controller could not store what it sent: connect again, with back-off. */
  "try-later": 1013,
  /** Another connection of the same agent took over. */
  replaced: 4000,
  /** The identity was not renewed in time: get another token and connect again. */
  "identity-expired": 4001,
  /** For good. */
  revoked: 4003,
  /** Another machine showed this agent's key: this connection is the other machine. */
  quarantined: 4004,
  /** Nothing was heard for too long. */
  silent: 4008,
} as const;
export type CloseReason = keyof typeof closeCodes;
