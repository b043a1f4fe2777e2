import type { RecoveryKey } from '../zencoder/model.ts';
import { UNKNOWN_UPLOAD_ERROR, uploadErrorKind } from '../zencoder/upload-errors.ts';

/** Where the records that pages, commands and the API show lead to: pages of the dashboard and of Zencoder's documentation. */

/** Hosts of Zencoder's documentation: links from notifications to any other host are not followed. */
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

/** Path of a job's page. */
export function jobPath(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}`;
}

/** Path of an output's record. */
export function outputPath(jobId: string, outputId: string): string {
  return `${jobPath(jobId)}/outputs/${encodeURIComponent(outputId)}`;
}

/** Path by which a recovered file is downloaded. */
export function downloadPath({ jobId, outputId, role, fileId }: RecoveryKey): string {
  return `${outputPath(jobId, outputId)}/files/${role}/${encodeURIComponent(fileId)}/download`;
}
