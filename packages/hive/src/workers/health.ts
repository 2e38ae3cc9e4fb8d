const ANSWER_LIMIT_MS = 2_000;

/** Whether a worker's health route answers 200, soon. */
export async function answersOk(url: string, token: string | undefined): Promise<boolean> {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
