/**
 * A deep copy of plain data. Throws `TypeError` for an instance of a class, which a copy would make something else of.
 *
 * @param owner of what, for the message
 */
export function copiedState<T>(value: T, owner: string): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => copiedState(one, owner)) as T;
  if (value instanceof Map)
    return new Map([...value].map(([key, one]) => [key as unknown, copiedState(one as unknown, owner)])) as T;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, copiedState(one as unknown, owner)]),
    ) as T;
  }
  if (value instanceof Set || value instanceof Date || ArrayBuffer.isView(value))
    return structuredClone(value);
  throw new TypeError(
    `The state of ${owner} holds a ${prototype.constructor.name}: keep plain data in fields, what is made of it in methods`,
  );
}
