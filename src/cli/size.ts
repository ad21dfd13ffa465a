const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** As `12.3 MiB`. */
export function describeBytes(bytes: bigint): string {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`;
}
