import { createCipheriv } from 'node:crypto';

/** The content of every made-up file repeats after this many bytes. */
export const RING_BYTES = 64 * 1024 * 1024;

/** Bytes that look random and are the same on every machine. */
export function ringBytes(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16, 9));
  return cipher.update(Buffer.alloc(RING_BYTES));
}
