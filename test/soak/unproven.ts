import type { FaultRequest, OtherResponse } from '../../infra/local/aws/s3/faults.ts';
import type { Random } from './random.ts';

const ERROR_DOCUMENT =
  '  \n<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code>' +
  '<Message>We encountered an internal error. Please try again.</Message></Error>\n';
const PAGE = '<!DOCTYPE html><html><body><h1>It works!</h1></body></html>';

type Response = OtherResponse['response'];
const COMPLETIONS: readonly Response[] = [
  { status: 200, headers: { 'content-type': 'application/xml' }, body: ERROR_DOCUMENT },
  { status: 200, headers: { 'content-type': 'text/html' }, body: PAGE },
];
const PUTS: readonly Response[] = [{ status: 200 }];

/**
 * Successes without their proof: a 200 that lacks the ETag, in turn with the work not done and done. Large files are few,
 * so the first completion of every upload is among them.
 *
 * @param share of objects put, from 0 to 1; with 0 no completion is among them either.
 */
export function unprovenResponses(
  share: number,
  random: Random,
): (request: Pick<FaultRequest, 'operation' | 'uploadId'>) => OtherResponse | undefined {
  const completed = new Set<string>();
  const completion = takingTurns(COMPLETIONS);
  const put = takingTurns(PUTS);
  return ({ operation, uploadId = '' }) => {
    if (operation === 'PutObject') return random.chance(share) ? put() : undefined;
    if (operation !== 'CompleteMultipartUpload' || share === 0 || completed.has(uploadId)) return undefined;
    completed.add(uploadId);
    return completion();
  };
}

function takingTurns(responses: readonly Response[]): () => OtherResponse | undefined {
  const turns = [false, true].flatMap((isDone) => responses.map((response) => ({ response, isDone })));
  let turn = 0;
  return () => turns[turn++ % turns.length];
}
