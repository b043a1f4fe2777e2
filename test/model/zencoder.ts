import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';
import type { ZencoderApi } from '../../lambda/shared/zencoder/api.ts';
import { ApiUnavailable } from '../../lambda/shared/zencoder/api-errors.ts';
import { parseJobDetails, parseOutputDetails } from '../../lambda/shared/zencoder/job-details.ts';
import type { Scheduler } from './scheduler.ts';

/** Signatures of the API's responses begin here; notifications have smaller ones. */
const FIRST_API_SIGNATURE = 100;

export interface ModelApiOptions {
  readonly jobId: string;
  readonly outputs: readonly Pick<OutputMessage, 'output' | 'files'>[];
  /** Epoch milliseconds of the model's time. */
  readonly finishedAt: number;
}

/** The Zencoder API in memory: each response has newly signed URLs of the same files. */
export function modelApi(scheduler: Scheduler, { jobId, outputs, finishedAt }: ModelApiOptions): ZencoderApi {
  let signature = FIRST_API_SIGNATURE;
  const signed = (url: string) => url.replace(/Signature=\d+/, `Signature=${signature}`);
  const details = ({ output, files }: ModelApiOptions['outputs'][number]) => {
    signature += 1;
    const media = files.find(({ role }) => role === 'media');
    return {
      id: output.id,
      state: 'finished',
      backup_server_used: true,
      primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadFailureError',
      finished_at: new Date(finishedAt).toISOString(),
      url: signed(media?.url ?? ''),
      thumbnails: [
        {
          label: null,
          images: files.filter(({ role }) => role === 'thumbnail').map(({ url }) => ({ url: signed(url) })),
        },
      ],
    };
  };
  const job = () => {
    const at = new Date(finishedAt).toISOString();
    return parseJobDetails({
      job: {
        id: jobId,
        state: 'finished',
        updated_at: at,
        finished_at: at,
        output_media_files: outputs.map(details),
      },
    });
  };
  const request = <T>(label: string, respond: () => T) =>
    scheduler.call({
      label: `Zencoder ${label}`,
      fates: ['refused'],
      act: async () => respond(),
      refusal: () => Promise.reject(new ApiUnavailable('the Zencoder API responded 503')),
    });
  return {
    remaining: null,
    getOutput: (id) =>
      request(`output ${id}`, () =>
        parseOutputDetails(outputs.filter(({ output }) => output.id === id).map(details)[0]),
      ),
    getJob: () => request('job', job),
    listJobs: () => request('jobs', () => ({ jobs: [job()], isLast: true })),
  };
}
