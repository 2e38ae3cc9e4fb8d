import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Looks at a request before any route does, and says whether it takes it. For the few paths where the time of each request
 * counts, or whose bytes pass through: what Fastify does for a route costs more than what is done there.
 */
export type Door = (request: IncomingMessage, response: ServerResponse) => boolean;
