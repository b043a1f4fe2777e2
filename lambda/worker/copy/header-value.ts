/**
 * Characters that one header value may have. S3 allows 2 KB for an object's system headers, names included, and as much
 * again for its metadata: five headers of this length fit.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
export const LONGEST_HEADER_VALUE = 380;

/**
 * A text as the value of a header that is signed and sent alike: trimmed, visible ASCII and spaces only. A tab or a byte
 * beyond ASCII is signed in another form than it is sent, and S3 then refuses the request.
 *
 * @returns null for a text that is no such value, is empty, or is longer than {@link LONGEST_HEADER_VALUE}.
 */
export function headerValue(text: string | null | undefined): string | null {
  const value = text?.trim() ?? '';
  if (value.length > LONGEST_HEADER_VALUE) return null;
  return /^[\x20-\x7e]+$/.test(value) ? value : null;
}
