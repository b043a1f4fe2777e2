import * as v from 'valibot';
import { accountId, httpUrl, text, wholeNumber } from '../shared/runtime/environment.ts';
import { zencoderApiEnvironment } from '../shared/zencoder/api-key.ts';
import { storageAllowList } from '../shared/zencoder/storage.ts';
import { parseKeyTemplate } from './key-template.ts';

const MiB = 2 ** 20;

const keyTemplate = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseKeyTemplate(dataset.value);
    } catch (error) {
      addIssue({ message: `is wrong: ${error instanceof Error ? error.message : 'unreadable'}` });
      return NEVER;
    }
  }),
);

/** The worker's environment variables; `infra/constructs/worker.ts` sets them. */
export const workerEnvironment = v.object({
  QUEUE_URL: httpUrl,
  DEAD_LETTER_QUEUE_URL: httpUrl,
  TABLE_NAME: text,
  BUCKET_NAME: text,
  /** The account that owns the bucket. */
  BUCKET_OWNER: v.optional(accountId, ''),
  /** ARN of the KMS key that objects are to be encrypted by. */
  BUCKET_KMS_KEY_ARN: v.optional(text),
  /** ACL of each object. */
  OBJECT_ACL: v.optional(v.literal('bucket-owner-full-control')),
  KEY_TEMPLATE: keyTemplate,
  ZENCODER_STORAGE: storageAllowList,
  EVENTS_TOPIC_ARN: text,
  ...zencoderApiEnvironment,
  /** Bytes of a large file that one invocation copies. */
  SEGMENT_BYTES: wholeNumber(5 * MiB),
  /** Bytes of part buffers over all files in flight. */
  BUFFER_BYTES: wholeNumber(16 * MiB),
  /** Days after which records are deleted; 0 keeps them for ever. */
  RECORD_TTL_DAYS: wholeNumber(0, 36_500),
});
