/**
 * An object of a readonly type while it is put together field by field: on hot paths spreads of what may be missing, and spreads
 * with more beside them, are as dear as all the rest.
 */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
