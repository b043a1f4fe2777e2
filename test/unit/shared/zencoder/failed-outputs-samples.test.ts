import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../lambda/shared/runtime/json.ts';
import {
  type DetectionSettings,
  type FailedOutput,
  findFailedOutputs,
} from '../../../../lambda/shared/zencoder/failed-outputs.ts';
import { parseJobDetails } from '../../../../lambda/shared/zencoder/job-details.ts';
import { parseNotification } from '../../../../lambda/shared/zencoder/notification.ts';
import { filenameOf } from '../../../../lambda/shared/zencoder/signed-url.ts';
import {
  DEFAULT_ZENCODER_STORAGE,
  parseStorageAllowList,
} from '../../../../lambda/shared/zencoder/storage.ts';
import { SAMPLES, sampleText } from '../../../support/samples.ts';

const settings: DetectionSettings = {
  storage: parseStorageAllowList(DEFAULT_ZENCODER_STORAGE),
  collectUnsentOutputs: false,
};
const NOW = Date.parse('2026-04-01T00:00:00Z');

function findInSample(number: string, given: DetectionSettings = settings): FailedOutput[] {
  const json = parseJson(sampleText(number));
  const notification = number === '20' ? parseJobDetails(json) : parseNotification(json);
  return findFailedOutputs(notification, given, NOW);
}

/** `output: role errorClass host | role [label] filename size md5 ends`, to read a failed output at a glance. */
function summary(failedOutputs: readonly FailedOutput[]): string[] {
  return failedOutputs.flatMap(({ output, failures, files }) => [
    ...failures.map((it) => `${output.id}: ${it.role} ${it.errorClass} ${it.destinationHost}`),
    ...files.map((it) => {
      const label = it.role === 'media' ? '' : ` [${it.thumbnailLabel}]`;
      const ends = new Date(it.deadline).toISOString();
      return `${output.id}: ${it.role}${label} ${it.filename} ${it.size} ${it.md5} until ${ends}`;
    }),
  ]);
}

const EXPECTED: Record<string, string[]> = {
  '01': [],
  '02': [
    '4310552117: media UnableToResolveHostError media.acme.example',
    '4310552117: media d20028aa2649413275d3f2daf45ab066.mp4 19874410 null until 2026-03-15T10:02:31.000Z',
  ],
  '03': [
    '235991: media UploadServerNotFoundError uploads.acme.example',
    '235991: media 4931db747f43aba8e57319b7e0f93bca.mp4 19874410 null until 2026-03-15T10:03:20.000Z',
  ],
  '04': [
    '4310660242: media UploadAccessDeniedError acme-video-out',
    '4310660242: thumbnail UploadAccessDeniedError acme-video-out',
    '4310660242: media be8cbef37e13c4a7016b51a2fbc7d973.mp4 19874410 e31b5eff652c94a6e7f6ac045bfd1d82 until 2026-03-16T08:41:09.000Z',
    '4310660242: thumbnail [poster] frame_0000.png 734112 null until 2026-03-16T08:41:09.000Z',
    '4310660242: thumbnail [strip] frame_0000.png 20110 null until 2026-03-16T08:41:09.000Z',
    '4310660242: thumbnail [strip] frame_0001.png 20427 null until 2026-03-16T08:41:09.000Z',
    '4310660242: thumbnail [strip] frame_0002.png 20744 null until 2026-03-16T08:41:09.000Z',
  ],
  '05': [
    '4310671903: thumbnail S3BucketNotFoundError acme-thumbz',
    ...['0000.png 611043', '0001.png 611954', '0002.png 612865', '0003.png 613776'].map(
      (image) => `4310671903: thumbnail [null] frame_${image} null until 2026-03-16T11:20:45.000Z`,
    ),
  ],
  '06': [
    '4310680077: thumbnail UploadTimeoutError ftp.acme.example',
    '4310680077: thumbnail [strip] frame_0002.jpg 39954 null until 2026-03-16T13:07:12.000Z',
    '4310680077: thumbnail [strip] frame_0003.jpg 40120 null until 2026-03-16T13:07:12.000Z',
  ],
  '07': [
    '4310790002: media UploadFailureError acme-video-out',
    '4310790002: media c3ed6591fac35a5bb5671ca160c44a39.mp4 19874410 null until 2026-03-17T07:30:02.000Z',
  ],
  '08': [
    '4310801101: media UploadAccessDeniedError acme-video-out',
    '4310801101: media 3cad6efe5087b3deb84a38e7c834c34e.mp4 19874410 null until 2026-03-17T09:11:20.000Z',
  ],
  '09': [
    '4310815512: media UploadTimeoutError acme-video-out',
    '4310815512: media 7b739b68c8d358cf353338918ba4fcf8.zip null null until 2026-03-17T12:44:51.000Z',
  ],
  '10': [
    '4310815512: media UploadTimeoutError acme-video-out',
    '4310815512: media 7b739b68c8d358cf353338918ba4fcf8.zip null null until 2026-03-17T12:44:51.000Z',
  ],
  '11': [
    '4310920044: media AkamaiNetStorageFileSizeError acme-nsu.akamaihd.example',
    '4310920044: media ep-109.zip null null until 2026-03-18T06:05:19.000Z',
  ],
  '12': [
    '4310930210: media InvalidAccessKeyIdError null',
    '4310930210: media 8566a5db8cbb13e0f9e768ae6e524d96.vtt 3811 null until 2026-03-18T08:00:07.000Z',
  ],
  '13': ['4310941118: media UploadServerNotFoundError uploads.acme.example'],
  '14': [],
  '15': [],
  '16': ['4310970606: media UploadFailureError acme-video-out'],
  '17': [],
  '18': [],
  '19': ['436920: media UploadAccessDeniedError acme-video-out'],
  '20': [
    '4310552117: media UnableToResolveHostError media.acme.example',
    '4310552117: media d20028aa2649413275d3f2daf45ab066.mp4 19874410 null until 2026-03-15T10:02:31.000Z',
  ],
};

describe('findFailedOutputs, of the sample payloads', () => {
  it.each(SAMPLES)('finds the failures and backup files of %s', (name) => {
    const number = name.slice(0, 2);
    expect(summary(findInSample(number))).toEqual(EXPECTED[number]);
  });

  it('keeps every URL byte for byte, even a damaged one', () => {
    for (const name of SAMPLES) {
      const text = sampleText(name.slice(0, 2));
      const files = findInSample(name.slice(0, 2)).flatMap((failedOutput) => failedOutput.files);
      for (const file of files) expect(text).toContain(JSON.stringify(file.url));
    }
  });

  it('removes passwords and signatures from the failures', () => {
    for (const name of SAMPLES) {
      const recorded = JSON.stringify(findInSample(name.slice(0, 2)).map(({ failures }) => failures));
      expect(recorded).not.toMatch(/n0t-real|Signature|AKIA/);
    }
  });

  it('finds the same file in 09 and 10, in spite of the new signature', () => {
    const [first, second] = ['09', '10'].map((number) => findInSample(number)[0]?.files[0]?.url ?? '');
    expect(first).not.toBe(second);
    expect(filenameOf(first ?? '')).toBe(filenameOf(second ?? ''));
  });

  it('finds the output without destination of 15 only with collectUnsentOutputs, and never as a failure', () => {
    expect(summary(findInSample('15', { ...settings, collectUnsentOutputs: true }))).toEqual([
      '4310960015: media 0399348019a202070a2e02d2b63f97f9.mp4 19874410 null until 2026-03-18T14:22:10.000Z',
    ]);
  });

  it('reads the time of the failure from the output or the job, else from the clock', () => {
    expect(findInSample('20')[0]?.failedAt).toBe(Date.parse('2026-03-14T10:02:31Z'));
    expect(findInSample('02')[0]?.failedAt).toBe(Date.parse('2026-03-14T10:02:32Z'));
    expect(findInSample('19')[0]?.failedAt).toBe(NOW);
  });
});
