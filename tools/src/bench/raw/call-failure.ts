/** A call that was not answered with success. */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  /** What failures are counted by: `grpc-status 14`, `HTTP 503`, `connection`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}
