/**
 * Turns a language graph into the weights of a llama: one block, written by hand.
 *
 * The residual stream has a place for each thing worth knowing, 1 when it is so:
 *   one      always 1, so that a token can ask a question whatever it is
 *   is[s]    "this token is state s": one for each token of the graph, one for all others together
 *   says[t]  "this token brings up topic t"
 *   heard[t] how much of the recent prompt's attention topic t got; written by the attention
 *
 * The single attention head asks "where was a topic brought up?": every key that says one answers with a high score, which
 * falls off with distance because it lies in a slowly rotating pair of RoPE; the first token answers with a middling score,
 * so that without a topic nothing is heard. Its value carries the topic into heard[t]. The feed-forward part is zero.
 * The output matrix is the graph: the score of "s is followed by w" stands in column is[s], row w.
 */

import type { GgufTensor } from "./gguf-writer.ts";
import { type LanguageGraph, TOPIC_BONUS } from "./graph.ts";
import { BOS_ID } from "./vocabulary.ts";

export interface LlamaShape {
  readonly embedding_length: number;
  readonly feed_forward_length: number;
  readonly head_length: number;
}

const HEAD_LENGTH = 32;
const FEED_FORWARD_LENGTH = 32;
/** This pair turns by 10000^(-9/16) = 0.0056 a token: a topic fades out about 200 tokens later (and echoes some 1,100 later). */
const SLOW_PAIR = 9;
/** This pair turns by 0.0002 a token: as good as not at all. */
const STILL_PAIR = 15;
const TOPIC_SCORE = 48;
const FIRST_TOKEN_SCORE = 12;

/** @throws TypeError when the graph has more topics than fit the attention head's value. */
export function llamaWeights(graph: LanguageGraph): {
  readonly shape: LlamaShape;
  readonly tensors: readonly GgufTensor[];
} {
  const topics = graph.topicStarts.length;
  if (topics > HEAD_LENGTH) throw new TypeError(`${topics} topics do not fit a head of ${HEAD_LENGTH}`);
  const states = new Map([...graph.next.keys()].map((id, index) => [id, index]));
  const one = 0;
  const is = (id: number): number => 1 + (states.get(id) ?? states.size);
  const says = (topic: number): number => 2 + states.size + topic;
  const heard = (topic: number): number => says(topics) + topic;
  const width = heard(topics);
  const size = graph.tokens.length;

  const embedding = new Matrix("token_embd.weight", width, size);
  graph.tokens.forEach((token, id) => {
    embedding.set(one, id, 1);
    embedding.set(is(id), id, 1);
    if (token.topic !== undefined) embedding.set(says(token.topic), id, 1);
  });

  // A plain token is normalised to √(width/2) in each place that is 1; llama.cpp divides scores by √head.
  const plain = Math.sqrt(width / 2);
  const sharp = Math.sqrt(Math.sqrt(HEAD_LENGTH)) / plain;
  const query = new Matrix("blk.0.attn_q.weight", width, HEAD_LENGTH);
  query.set(one, 2 * SLOW_PAIR, sharp * Math.sqrt(TOPIC_SCORE));
  query.set(one, 2 * STILL_PAIR, sharp * Math.sqrt(FIRST_TOKEN_SCORE));
  const key = new Matrix("blk.0.attn_k.weight", width, HEAD_LENGTH);
  key.set(is(BOS_ID), 2 * STILL_PAIR, sharp * Math.sqrt(FIRST_TOKEN_SCORE));
  const value = new Matrix("blk.0.attn_v.weight", width, HEAD_LENGTH);
  const attended = new Matrix("blk.0.attn_output.weight", HEAD_LENGTH, width);
  // A token that says a topic has three places that are 1.
  const saying = Math.sqrt(width / 3);
  for (let topic = 0; topic < topics; topic++) {
    key.set(says(topic), 2 * SLOW_PAIR, (sharp * Math.sqrt(TOPIC_SCORE) * plain) / saying);
    value.set(says(topic), topic, 1 / saying);
    attended.set(topic, heard(topic), 1);
  }

  const output = new Matrix("output.weight", width, size);
  for (let id = 0; id < size; id++) {
    for (const { to, score } of graph.next.get(id) ?? graph.otherwise) output.set(is(id), to, score / plain);
  }
  graph.topicStarts.forEach((id, topic) => {
    output.set(heard(topic), id, TOPIC_BONUS / plain);
  });

  const tensors: GgufTensor[] = [
    embedding,
    ones("blk.0.attn_norm.weight", width),
    query,
    key,
    value,
    attended,
    ones("blk.0.ffn_norm.weight", width),
    new Matrix("blk.0.ffn_gate.weight", width, FEED_FORWARD_LENGTH),
    new Matrix("blk.0.ffn_up.weight", width, FEED_FORWARD_LENGTH),
    new Matrix("blk.0.ffn_down.weight", FEED_FORWARD_LENGTH, width),
    ones("output_norm.weight", width),
    output,
  ];
  return {
    shape: { embedding_length: width, feed_forward_length: FEED_FORWARD_LENGTH, head_length: HEAD_LENGTH },
    tensors,
  };
}

/** Zeros, except where set. A row holds the weights of one output. */
class Matrix implements GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;

  constructor(name: string, columns: number, rows: number) {
    this.name = name;
    this.shape = [columns, rows];
    this.data = new Float32Array(columns * rows);
  }

  set(column: number, row: number, value: number): void {
    this.data[row * this.shape[0]! + column] = value;
  }
}

function ones(name: string, length: number): GgufTensor {
  return { name, shape: [length], data: new Float32Array(length).fill(1) };
}
