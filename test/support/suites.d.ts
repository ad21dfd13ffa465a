export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  readonly oneAtATime?: boolean;
  readonly seconds: number;
  readonly long?: boolean;
}
export const SUITES: readonly Suite[];
export function argumentsOf(suite: Suite): readonly string[];
