import { posix } from 'node:path';
import { Client, FTPError } from 'basic-ftp';
import type { StreamSource } from '../source.ts';
import { fromStatus, PrimaryUploadFailed } from './failure.ts';

/** Uploads by FTP, making the folders on the way as Zencoder does. */
export async function putByFtp(url: URL, file: StreamSource, signal: AbortSignal): Promise<void> {
  const client = new Client(0);
  const stop = () => client.close();
  signal.addEventListener('abort', stop);
  try {
    await client.access({
      host: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      ...(url.username === ''
        ? {}
        : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
    });
    const path = decodeURIComponent(url.pathname);
    await client.ensureDir(posix.dirname(path));
    await client.uploadFrom(file.open(), posix.basename(path));
  } catch (fault) {
    if (fault instanceof FTPError) throw fromFtpAnswer(fault, url);
    throw fault;
  } finally {
    signal.removeEventListener('abort', stop);
    client.close();
  }
}

function fromFtpAnswer(fault: FTPError, url: URL): PrimaryUploadFailed {
  switch (fault.code) {
    case 430:
    case 530:
      return new PrimaryUploadFailed(
        'InvalidUsernameOrPasswordError',
        `The username or password for ${url.protocol}//${url.host} was not accepted.`,
        { cause: fault },
      );
    case 532:
    case 550:
    case 553:
      return fromStatus(403, '', url);
    default:
      return fromStatus(fault.code, fault.message.replace(/^\d+ */, ''), url);
  }
}
