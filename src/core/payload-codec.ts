/** How payloads of one type become bytes and come back. */
export interface PayloadCodec<Input, Output = Input> {
  /** Of the bytes that `encode` gives. */
  readonly contentType: string;
  /** The bytes of a payload. Throws `InvalidRequestError` for a payload that is not of the type. */
  encode(payload: Input): Uint8Array;
  /**
   * What the bytes say, without a look at whether it is of the type: it may be of an older shape. What it throws becomes a
   * `PayloadError` of the event.
   */
  parse(data: Uint8Array, contentType: string): unknown;
  /**
   * What JSON says, for payloads that are not JSON themselves, so that people can write commands by hand. Throws an error
   * whose message says what is wrong.
   */
  fromJson?(text: string): unknown;
  /**
   * What was parsed, and brought to the newest shape, as a payload. Throws `InvalidRequestError` if it is none, which
   * becomes a `PayloadError` of the event.
   */
  validate(value: unknown): Output;
}
