import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../lambda/shared/runtime/json.ts';
import {
  parseJobDetails,
  parseOutputDetails,
  UnexpectedApiResponse,
} from '../../../../lambda/shared/zencoder/job-details.ts';
import { sampleText } from '../../../support/samples.ts';

const image = {
  id: 7,
  group_label: 'poster',
  url: 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/frame_0000.png',
  format: 'PNG',
  file_size_bytes: 12,
};

describe('parseJobDetails', () => {
  it('reads GET /jobs/:id into the shape of a job notification', () => {
    const details = parseJobDetails(parseJson(sampleText('20')));
    expect(details).toMatchObject({
      kind: 'job',
      job: { id: '1702340023', passThrough: 'asset:ep-102', test: false },
      jobState: 'finished',
      jobUpdatedAt: Date.parse('2026-03-14T10:02:32Z'),
    });
    expect(details.outputs[0]).toMatchObject({
      id: '4310552117',
      size: 19874410,
      backupServerUsed: true,
      finishedAt: Date.parse('2026-03-14T10:02:31Z'),
      error: null,
    });
  });

  it('assigns the flat thumbnails of a job to the only output that can own them', () => {
    const owned = [{ label: 'poster', url: image.url, size: 12 }];
    const one = parseJobDetails({ job: { id: 1, output_media_files: [{ id: 2 }], thumbnails: [image] } });
    expect(one.outputs[0]?.thumbnails).toEqual(owned);
    const files = [{ id: 2 }, { id: 3, backup_server_used: true }];
    const two = parseJobDetails({ job: { id: 1, output_media_files: files, thumbnails: [image] } });
    expect(two.outputs.map((output) => output.thumbnails)).toEqual([[], owned]);
    expect(two.unassignedThumbnails).toEqual([]);
  });

  it('leaves thumbnails unassigned that more than one output can own', () => {
    const files = [
      { id: 2, backup_server_used: true },
      { id: 3, backup_server_used: true },
    ];
    const details = parseJobDetails({ job: { id: 1, output_media_files: files, thumbnails: [image] } });
    expect(details.outputs.flatMap((output) => output.thumbnails)).toEqual([]);
    expect(details.unassignedThumbnails).toEqual([{ label: 'poster', url: image.url, size: 12 }]);
  });

  it('makes every text well-formed', () => {
    const job = { id: 1, pass_through: 'a\ud83c', output_media_files: [{ id: 2, label: 'b\udfff' }] };
    expect(
      parseJobDetails({ job: { ...job, thumbnails: [{ ...image, group_label: 'c\ud83c' }] } }),
    ).toMatchObject({
      job: { passThrough: 'a\ufffd' },
      outputs: [{ label: 'b\ufffd', thumbnails: [{ label: 'c\ufffd' }] }],
    });
  });

  it('rejects a response without a job', () => {
    expect(() => parseJobDetails({ errors: ['Job not found'] })).toThrow(UnexpectedApiResponse);
    expect(() => parseJobDetails(null)).toThrow(UnexpectedApiResponse);
  });
});

describe('parseOutputDetails', () => {
  it('reads the bare object of GET /outputs/:id', () => {
    const output = parseOutputDetails({
      id: 5,
      url: 'https://h/x',
      file_size_in_bytes: 3,
      error_class: null,
    });
    expect(output).toMatchObject({ id: '5', url: 'https://h/x', size: 3, error: null });
  });

  it('rejects a response without an output', () => {
    expect(() => parseOutputDetails({ errors: ['Not found'] })).toThrow(UnexpectedApiResponse);
  });
});
