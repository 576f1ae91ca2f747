/** Chance and names, from outside. */
export interface Random {
  /** Even in [0, 1). */
  next(): number;
  /** `count` random bytes as lower-case hex: for ids and tokens; from a cryptographic source in production. */
  hex(count: number): string;
  /** Upper-case UUID, as RequestId is written (eas-reference §8.0). */
  uuid(): string;
}
