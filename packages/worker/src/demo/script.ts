/**
 * What the demonstration model can say, as scenes. An answer takes one line from each scene in turn and then ends.
 * Within a scene the first line is what it says at temperature 0; the others come up now and then above it.
 */

export interface Topic {
  readonly name: string;
  /** When one of these stands in the prompt, in small letters or with a capital, this topic's line is said. */
  readonly keywords: readonly string[];
  readonly line: string;
}

export interface Script {
  readonly openings: readonly string[];
  readonly honesty: readonly string[];
  /** Said when the prompt names no topic. */
  readonly about: string;
  readonly topics: readonly Topic[];
  readonly closings: readonly string[];
}

export const DEMO_SCRIPT: Script = {
  openings: [
    "Hello from the demonstration model that hive-registry builds for itself, so that a machine without any download can answer.",
    "This is the small demonstration model of hive-registry, written by hand and not trained on anything.",
    "You are talking to a demonstration model: a toy which hive-registry made on this very machine.",
  ],
  honesty: [
    "I have no knowledge at all and cannot think about your question; every sentence I say was prepared, and llama.cpp only plays it back, word after word.",
    "Please do not believe me in anything: I know no facts, I learned nothing, and my few sentences were all prepared in advance.",
  ],
  about:
    "Still, what you see is real: your request found its way through the registry to a free slot, and these tokens stream straight back to you.",
  topics: [
    {
      name: "queen",
      keywords: ["queen"],
      line: "One thing I was told: the queen keeps the registry, listens to the heartbeats of all hives, and names the best worker for each request.",
    },
    {
      name: "hive",
      keywords: ["hive"],
      line: "One line about that: a hive is the agent that looks after one computer; it finds the devices, starts the workers, and reports them to its queen.",
    },
    {
      name: "worker",
      keywords: ["worker"],
      line: "Somebody wrote this down for me: a worker is one inference server with a few slots, and clients talk to it directly, so no proxy slows the stream.",
    },
    {
      name: "heartbeat",
      keywords: ["heartbeat", "alive", "offline"],
      line: "My note on it says: a heartbeat carries the full list of workers every few seconds, and silence for half a minute means offline.",
    },
    {
      name: "gpu",
      keywords: ["gpu", "GPU", "cuda", "CUDA", "memory", "VRAM"],
      line: "Here is the one sentence I own about hardware: the agent measures graphics memory and load, and the scheduler prefers whatever is least busy.",
    },
    {
      name: "model",
      keywords: ["model", "gguf", "GGUF", "llama"],
      line: "If you want a clever one instead, give a GGUF file to the command line, wait until it has loaded, and ask again.",
    },
  ],
  closings: [
    "Call me naïve, but I show one useful thing: everything is connected and running. As soon as your own weights are loaded here, I step aside.",
    "That is my whole act. Load real weights and this toy will leave the stage to them.",
  ],
};
