// Heartbeats as bytes that are ready to send: only the sequence number is written into them again and again.
import { heartbeatText, hiveId, randomFrom } from "./payloads.mjs";

const WORKERS_PER_HIVE = 8;
const MODELS = 100;
/** So many different heartbeats of each hive take turns, so that states and numbers change from one to the next. */
const VARIANTS = 2;
/** A sequence number of ten digits, from the first to the last. */
const FIRST_SEQ = 1_000_000_000;
const SEQ_DIGITS = 10;
/** Never zero: a server may leave out the unmasking where the mask is. */
const MASK = [0x5a, 0x17, 0xc3, 0x88];

/** Counts the messages of one boot of one hive, of whatever kind. */
export class Sequence {
  #next = FIRST_SEQ;
  next() {
    return this.#next++;
  }
}

/** One message of one hive, in all its variants. */
class Message {
  #buffers;
  #seqAt;
  #mask;
  #sequence;
  #sent = 0;

  /** @param {readonly Buffer[]} buffers @param {number} seqAt @param {readonly number[]} mask over each digit, zeros for none @param {Sequence} sequence */
  constructor(buffers, seqAt, mask, sequence) {
    this.#sequence = sequence;
    this.#buffers = buffers;
    this.#seqAt = seqAt;
    this.#mask = mask;
  }

  /** The bytes of the next one. They hold until the variant's turn comes again. */
  next() {
    const buffer = this.#buffers[this.#sent++ % this.#buffers.length];
    let rest = this.#sequence.next();
    for (let at = SEQ_DIGITS - 1; at >= 0; at--) {
      buffer[this.#seqAt + at] = (48 + (rest % 10)) ^ this.#mask[at];
      rest = Math.floor(rest / 10);
    }
    return buffer;
  }
}

/** @param {number} hive @param {string} boot @returns {string[]} */
function heartbeats(hive, boot) {
  const random = randomFrom(hive + 1);
  const of = { hive, boot, workers: WORKERS_PER_HIVE, models: MODELS, atMs: Date.now(), seq: FIRST_SEQ, random };
  return Array.from({ length: VARIANTS }, () => heartbeatText(of));
}

const lease = (hive, boot) => JSON.stringify({ hive_id: hiveId(hive), boot_id: boot, seq: FIRST_SEQ });

/** As the body of a POST. */
export function postMessage(hive, boot, port, sequence) {
  const requests = heartbeats(hive, boot).map((body) => {
    const head = [
      "POST /api/v1/heartbeat HTTP/1.1",
      `host: 127.0.0.1:${port}`,
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
  });
  return new Message(requests, seqAt(requests), new Array(SEQ_DIGITS).fill(0), sequence);
}

/** As one WebSocket frame, masked as a client must. */
export const frameMessage = (hive, boot, sequence) => framed(heartbeats(hive, boot), sequence);
export const leaseMessage = (hive, boot, sequence) => framed([lease(hive, boot)], sequence);

function framed(texts, sequence) {
  const plain = texts.map((text) => Buffer.from(text));
  const at = seqAt(plain);
  const frames = plain.map(frameOf);
  const headBytes = frames[0].length - plain[0].length;
  const mask = Array.from({ length: SEQ_DIGITS }, (_, digit) => MASK[(at + digit) % MASK.length]);
  return new Message(frames, headBytes + at, mask, sequence);
}

function frameOf(body) {
  const finalText = 0x81;
  const masked = 0x80;
  const head =
    body.length < 126
      ? [finalText, masked | body.length]
      : [finalText, masked | 126, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([...head, ...MASK]), body.map((byte, at) => byte ^ MASK[at % MASK.length])]);
}

/** Where the sequence number stands; the same place in every variant, because all before it is as long. */
function seqAt(buffers) {
  const places = new Set(buffers.map((buffer) => buffer.indexOf(`"seq":${FIRST_SEQ}`) + `"seq":`.length));
  if (places.size !== 1) throw new Error("the variants of a message must have their sequence number in one place");
  return [...places][0];
}
