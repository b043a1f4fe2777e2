import { categoryOf, RecoveryError } from '../shared/runtime/errors.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import type { BackupFile, RecoveryKey } from '../shared/zencoder/model.ts';
import { deadlineOf, fileIdOf } from '../shared/zencoder/signed-url.ts';
import type { StorageAllowList } from '../shared/zencoder/storage.ts';
import type { WorkerDependencies } from './dependencies.ts';

/** There is no fresh signed URL of a file; the message says why. */
export class NoFreshUrl extends RecoveryError {
  override readonly name = 'NoFreshUrl';
  override readonly category = 'lost';
  override readonly acceptsNewUrl = true;
}

/** The source refuses every signed URL of the file that there is. */
export class SourceOutOfReach extends RecoveryError {
  override readonly name = 'SourceOutOfReach';
  override readonly category = 'lost';
  override readonly acceptsNewUrl = true;
}

/** A signed URL and when it expires, epoch milliseconds. */
export type FreshUrl = Pick<BackupFile, 'url' | 'deadline'>;

/** Where fresh signed URLs come from. */
export interface FreshUrls {
  /**
   * @throws {NoFreshUrl} without an API key, or when the API no longer names the file.
   * @throws the errors of the Zencoder API.
   */
  of(file: RecoveryKey): Promise<FreshUrl>;
}

/** One file as the API lists it. */
interface Listed {
  readonly url: string;
  /** Epoch milliseconds. */
  readonly finishedAt: number | null;
}

/**
 * Fresh signed URLs from the Zencoder API, within one delivery: each output or job is requested once, however many of
 * its thumbnails need a URL.
 *
 * @param api null when no key is configured.
 * @param now epoch milliseconds.
 */
export function createFreshUrls(
  api: ZencoderApi | null,
  storage: StorageAllowList,
  now: () => number,
): FreshUrls {
  const responses = new Map<string, Promise<readonly Listed[]>>();
  const once = (id: string, request: () => Promise<readonly Listed[]>) => {
    const response = responses.get(id) ?? request();
    responses.set(id, response);
    return response;
  };
  return {
    of: async ({ jobId, outputId, role, fileId }) => {
      if (api === null) {
        throw new NoFreshUrl(
          'no Zencoder API key is configured (setting zencoderApiKeySecretArn), which a fresh URL needs',
        );
      }
      const listed =
        role === 'media'
          ? await once(`output ${outputId}`, () => filesOfOutput(api, outputId))
          : await once(`job ${jobId}`, () => filesOfJob(api, jobId));
      const admitted = listed.flatMap(({ url, finishedAt }) => {
        const admission = storage.admit(url);
        return admission.kind === 'admitted' ? [{ file: admission.file, finishedAt }] : [];
      });
      const found = admitted.find(({ file }) => fileIdOf(file) === fileId);
      if (found === undefined) throw new NoFreshUrl('the Zencoder API no longer names the file');
      const { file, finishedAt } = found;
      return { url: file.text, deadline: deadlineOf(file, finishedAt ?? now(), now()) };
    },
  };
}

/**
 * Makes an attempt at a file, and once more with a fresh URL when the source refuses the first one before it expires.
 *
 * @param recovery with its deadline, epoch milliseconds: after it no fresh URL is asked for.
 * @throws {SourceOutOfReach} when there is no fresh URL, or it is refused as well.
 */
export async function withFreshUrl<Result>(
  file: BackupFile,
  recovery: RecoveryKey & { readonly deadline: number },
  { freshUrls, logger, now }: Pick<WorkerDependencies, 'logger' | 'now'> & { readonly freshUrls: FreshUrls },
  attempt: (file: BackupFile) => Promise<Result>,
): Promise<Result> {
  try {
    return await attempt(file);
  } catch (refusal) {
    if (categoryOf(refusal) !== 'url-refused' || now() >= recovery.deadline) throw refusal;
    const fresh = await freshUrls.of(recovery).catch((cause: unknown) => {
      throw categoryOf(cause) === 'lost' ? outOfReach(refusal, cause) : cause;
    });
    const { role, fileId } = recovery;
    logger.info('signed URL refreshed', { role, fileId, deadline: new Date(fresh.deadline).toISOString() });
    return await attempt({ ...file, ...fresh }).catch((again: unknown) => {
      const reason = new NoFreshUrl('a fresh URL from the Zencoder API is refused too');
      throw categoryOf(again) === 'url-refused' ? outOfReach(again, reason) : again;
    });
  }
}

function outOfReach(refusal: unknown, reason: unknown): SourceOutOfReach {
  return new SourceOutOfReach(`${messageOf(refusal)}; ${messageOf(reason)}`, { cause: refusal });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'the source refuses the URL';
}

async function filesOfOutput(api: ZencoderApi, outputId: string): Promise<Listed[]> {
  const { url, finishedAt } = await api.getOutput(outputId);
  return url === null ? [] : [{ url, finishedAt }];
}

async function filesOfJob(api: ZencoderApi, jobId: string): Promise<Listed[]> {
  const job = await api.getJob(jobId);
  const assigned = job.outputs.flatMap(({ thumbnails, finishedAt }) =>
    thumbnails.map(({ url }) => ({ url, finishedAt })),
  );
  return [...assigned, ...job.unassignedThumbnails.map(({ url }) => ({ url, finishedAt: job.jobUpdatedAt }))];
}
