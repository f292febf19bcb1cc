import Type from "typebox";

/** Milliseconds since the epoch, up to the end of the year 9999: whoever says another time says none that can be shown, or reckoned with. */
export const Moment = Type.Number({ minimum: 0, maximum: 253_402_300_799_999 });
