const NAME = /^[a-z][a-z0-9_]{0,47}$/;

/** A schema's name, checked and quoted, so that it can stand in a statement. */
export function quotedSchema(name: string): string {
  if (!NAME.test(name))
    throw new TypeError(
      `Schema ${JSON.stringify(name)}: must be a lower-case letter and at most 47 letters, digits and _ behind it`,
    );
  return `"${name}"`;
}
