import { UNKNOWN_UPLOAD_ERROR, uploadErrorKind } from '../../shared/upload-error.ts';

/** Who publishes Zencoder's documentation; links from notifications are followed to nobody else. */
const DOCUMENTATION_HOSTS: ReadonlySet<string> = new Set([
  'app.zencoder.com',
  'zencoder.com',
  'support.brightcove.com',
  'zencoder.support.brightcove.com',
]);

const ERROR_PAGES = 'https://zencoder.support.brightcove.com/error-troubleshooting/error-codes';

/** Named in notifications, without a page of its own. */
const WITHOUT_PAGE: ReadonlySet<string> = new Set(['UnableToResolveHostError']);

/** A link from outside, if it leads to Zencoder's documentation by https; else null. */
export function documentationLink(link: string | null): string | null {
  const url = link !== null && URL.canParse(link) ? new URL(link) : null;
  if (url === null || url.protocol !== 'https:' || url.port !== '' || url.username !== '') return null;
  return DOCUMENTATION_HOSTS.has(url.hostname) ? url.href : null;
}

/** Zencoder's published page of a known class of upload error; its list of all classes for any other. */
export function errorPage(errorClass: string): string {
  const isKnown = uploadErrorKind(errorClass) !== null && errorClass !== UNKNOWN_UPLOAD_ERROR;
  if (!isKnown || WITHOUT_PAGE.has(errorClass)) return `${ERROR_PAGES}/index.html`;
  return `${ERROR_PAGES}/error-${errorClass.toLowerCase().replaceAll(':', '')}.html`;
}

/** A job in Zencoder's own dashboard. */
export function zencoderJob(jobId: string): string {
  return `https://app.zencoder.com/jobs/${encodeURIComponent(jobId)}`;
}

/** An object in the S3 console. */
export function s3Console(region: string, bucket: string, key: string): string {
  const query = new URLSearchParams({ region, prefix: key });
  return `https://${region}.console.aws.amazon.com/s3/object/${encodeURIComponent(bucket)}?${query.toString()}`;
}

/** Path of a job's page. */
export function jobPath(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}`;
}

/** Path of an output's record. */
export function outputPath(jobId: string, outputId: string): string {
  return `${jobPath(jobId)}/outputs/${encodeURIComponent(outputId)}`;
}

/** A path with a query; parameters without a value are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}
