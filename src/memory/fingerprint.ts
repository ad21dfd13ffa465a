/**
 * What is kept to know the same data again, also after it was erased: 128 bits (cyrb128) and the length. A store for
 * tests: it withstands chance, not an adversary.
 */
export function fingerprint(data: Uint8Array): string {
  let [one, two, three, four] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (const byte of data) {
    one = two ^ Math.imul(one ^ byte, 597399067);
    two = three ^ Math.imul(two ^ byte, 2869860233);
    three = four ^ Math.imul(three ^ byte, 951274213);
    four = one ^ Math.imul(four ^ byte, 2716044179);
  }
  return [data.byteLength, one, two, three, four].join(':');
}
