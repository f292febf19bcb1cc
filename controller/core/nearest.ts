export { nearest } from "../../schemas/selector/nearest.ts";
