/**
 * Longest start line plus header block, in bytes; more is 431 (a response: refused).
 * 32 KiB holds four 8 KiB headers, the sum that nginx takes by default (`large_client_header_buffers 4 8k`),
 * and fits in one 64 KiB read.
 */
export const HEAD_BYTES_MAX = 32 * 1024;

/** Most header fields in one head; more is 431. Browsers and SDKs send about 20; proxies before us add a few. */
export const FIELDS_MAX = 256;

/** Longest method name. The longest one registered with IANA has 17 letters. */
export const METHOD_BYTES_MAX = 32;

/** Digits of a Content-Length: 15 decimal digits stay below 2^53, so a length is always an exact number. */
export const LENGTH_DIGITS_MAX = 15;

/** Hexadecimal digits of a chunk size, zeros in front included. */
export const CHUNK_DIGITS_MAX = 8;

/**
 * Largest chunk. Readers that count in 32 bits (the JDK's HttpServer is one) take 0x100000005 for 5, and what follows for another
 * request. Real chunks are what fits one write, far below.
 */
export const CHUNK_BYTES_MAX = 0x7fffffff;

/**
 * Longest extension of one chunk, in bytes. Extensions carry no payload, so a limit keeps a peer from making us
 * read without end for one byte of body; signatures per chunk, the one real use, need under 200 bytes.
 */
export const CHUNK_EXTENSION_BYTES_MAX = 4 * 1024;

/** Longest trailer block in bytes, by the same reason. Real trailers are a checksum or a gRPC status. */
export const TRAILER_BYTES_MAX = 8 * 1024;
