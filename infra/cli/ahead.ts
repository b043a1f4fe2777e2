/**
 * Maps records in order while the work for up to `ahead` of them is under way, so that one round trip per record does
 * not add up.
 */
export async function* mapAhead<T, R>(
  records: AsyncIterable<T>,
  ahead: number,
  work: (record: T) => Promise<R>,
): AsyncGenerator<R> {
  const under: Promise<R>[] = [];
  for await (const record of records) {
    const result = work(record);
    // Whoever takes it from the list sees the failure; this keeps it from being called unhandled until then.
    result.catch(() => undefined);
    under.push(result);
    const first = under.length >= ahead ? under.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const result of under) yield await result;
}
