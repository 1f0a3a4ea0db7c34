import {
  create,
  type DescMessage,
  type DescMethod,
  isMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { createMethodSerializationLookup } from "@connectrpc/connect/protocol";

import { ENVELOPE_BYTES, envelopeInPlace, tooLarge } from "./envelopes.ts";

/** How the messages of one type are written and read in less time than the library takes, to the same bytes. */
export interface MessageForm<M extends Message> {
  /** The bytes of a message behind so many that the caller fills; undefined where the library is to write it. */
  readonly write?: (message: M, room: number) => Uint8Array | undefined;
  /** The message in bytes that are its own; undefined, whatever they are, where the library is to read it, or to say what is wrong with it. */
  readonly read?: (bytes: Uint8Array) => M | undefined;
}

/** The forms of a method's messages, where they have some. */
export interface MethodForms<I extends DescMessage, O extends DescMessage> {
  readonly input?: MessageForm<MessageShape<I>>;
  readonly output?: MessageForm<MessageShape<O>>;
}

/** Where a method has its forms: whoever serves or calls it has them with it, and the library does not see them. */
const FORMS = Symbol("forms of messages");

type WithForms = DescMethod & { readonly [FORMS]?: MethodForms<DescMessage, DescMessage> };

/** The same method, whose messages are written and read by hand wherever the library does not carry them. */
export function withForms<M extends DescMethod>(method: M, forms: MethodForms<M["input"], M["output"]>): M {
  return Object.assign({}, method, { [FORMS]: forms });
}

/** Writes and reads the messages of one type, in their envelopes, by hand where that goes and as the library does elsewhere. */
export interface MessageCodec<D extends DescMessage> {
  /** A message in its envelope. Throws a ConnectError: INTERNAL for one that cannot be written, RESOURCE_EXHAUSTED for one that is too large. */
  envelope(message: MessageInitShape<D>): Uint8Array;
  /** Throws INTERNAL for what is no message. */
  read(bytes: Uint8Array): MessageShape<D>;
}

/** The bounds of what is read and written. */
export interface MessageLimits {
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
}

const NO_COMPRESSION_BELOW = 1024;

/** How the messages of a method are written and read. */
export function messageCodecs<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { readonly input: I; readonly output: O },
  limits: MessageLimits,
): { readonly input: MessageCodec<I>; readonly output: MessageCodec<O> } {
  const forms = (method as WithForms)[FORMS] as MethodForms<I, O> | undefined;
  const bounds = { ...limits, compressMinBytes: NO_COMPRESSION_BELOW };
  const library = createMethodSerializationLookup<I, O>(method, undefined, undefined, bounds);
  return {
    input: codec(method.input, { form: forms?.input, library: library.getI(true), limits }),
    output: codec(method.output, { form: forms?.output, library: library.getO(true), limits }),
  };
}

interface Ways<D extends DescMessage> {
  readonly form: MessageForm<MessageShape<D>> | undefined;
  readonly library: {
    readonly serialize: (message: MessageShape<D>) => Uint8Array;
    readonly parse: (bytes: Uint8Array) => MessageShape<D>;
  };
  readonly limits: MessageLimits;
}

function codec<D extends DescMessage>(desc: D, { form, library, limits }: Ways<D>): MessageCodec<D> {
  return {
    envelope(init) {
      const message = isMessage(init, desc) ? init : create(desc, init);
      const bytes = form?.write?.(message, ENVELOPE_BYTES) ?? behindRoom(library.serialize(message));
      const size = bytes.length - ENVELOPE_BYTES;
      if (size > limits.writeMaxBytes) throw tooLarge("write", size, limits.writeMaxBytes);
      envelopeInPlace(bytes);
      return bytes;
    },
    read: (bytes) => form?.read?.(bytes) ?? library.parse(bytes),
  };
}

function behindRoom(message: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(ENVELOPE_BYTES + message.length);
  bytes.set(message, ENVELOPE_BYTES);
  return bytes;
}
