import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/** A real client of one protocol, under one face. Failed calls throw a ConnectError with the details that came over the wire. */
export interface Caller {
  unary<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>>;
  /** Reads a stream until `enough` says so of what has come so far, which it is asked once per message; then leaves. */
  stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    enough: (messages: readonly MessageShape<Output>[]) => boolean,
  ): Promise<readonly MessageShape<Output>[]>;
}

/** `/package.Service/Method`. */
export function pathOf(method: DescMethodUnary | DescMethodServerStreaming): string {
  return `/${method.parent.typeName}/${method.name}`;
}
