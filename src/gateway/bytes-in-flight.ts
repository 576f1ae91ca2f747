/**
 * Bytes that this process holds because a peer does not take them yet, or because a head is not complete. Counted only where a
 * write could not be finished at once or bytes had to be kept, so a request that passes straight through costs nothing.
 */
export const bytesInFlight = { sum: 0 };
