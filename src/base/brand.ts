/** A string that only its own constructor can make, so that two kinds of name cannot be swapped. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
