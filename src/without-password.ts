/** Where a URL points, without its credentials. */
export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.host || 'the default host'}${parsed.pathname}`;
  } catch {
    return 'DATABASE_URL';
  }
}
